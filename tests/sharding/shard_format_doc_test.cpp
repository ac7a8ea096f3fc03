// The Python reader of docs/shard_format.md, run as it stands there.

#include <gtest/gtest.h>

#include <string>

#include "tests/sharding/packed_world.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"

namespace voxlift::sharding {
namespace {

constexpr char kPython[] = "/usr/bin/python3";

// The first ```python block of a page.
std::string python_block(const std::string& page) {
  const std::string open = "```python\n";
  const size_t begin = page.find(open) + open.size();
  return page.substr(begin, page.find("```", begin) - begin);
}

TEST(ShardFormatDocTest, ReadsAPackedDataSetFromPython) {
  if (test::run_program({kPython, "-c", "import h5py"}).exit_code != 0) {
    GTEST_SKIP() << kPython << " has no h5py";
  }
  test::PackedWorld world(20, 4);
  world.pack();
  const test::TempDir temp;
  const std::string script =
      temp.write("read.py", python_block(test::read_text(
                                VOXLIFT_SOURCE_DIR "/docs/shard_format.md")));
  const auto good = test::run_program({kPython, script, world.dir()});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_NE(good.out.find("20 samples, 4 classes"), std::string::npos)
      << good.out;

  const std::string path = world.file("shard-00000.h5");
  std::string content = test::read_text(path);
  content[content.find("0:class")] ^= 1;
  world.files.publish(path, content);
  const auto bad = test::run_program({kPython, script, world.dir()});
  EXPECT_NE(bad.exit_code, 0);
  EXPECT_NE(bad.err.find("damaged"), std::string::npos) << bad.err;
}

}  // namespace
}  // namespace voxlift::sharding
