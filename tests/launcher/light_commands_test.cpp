// `voxlift synth`, `pack`, `inspect` and `verify` as a user runs them.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "tests/support/child_process.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace voxlift::launcher {
namespace {

using test::ChildResult;
using Args = std::vector<std::string>;

class LightCommandsTest : public ::testing::Test {
 protected:
  static ChildResult voxlift(Args args) {
    args.insert(args.begin(), VOXLIFT);
    return test::run_program(args);
  }

  static ChildResult on_ranks(int ranks, Args args) {
    Args argv = {"mpirun", "--allow-run-as-root", "--oversubscribe",
                 "-n",     std::to_string(ranks), VOXLIFT};
    argv.insert(argv.end(), args.begin(), args.end());
    // Open MPI keeps memory to the end; its leaks are not ours to find.
    return test::run_program(argv, {"OMPI_MCA_mpi_yield_when_idle=1",
                                    "ASAN_OPTIONS=detect_leaks=0"});
  }

  // 24 photographs of 3 classes for training, 6 for validation.
  std::string synth_photos() const {
    const std::string dir = dir_.file("photos");
    const ChildResult result = voxlift(
        {"synth", "photos", "--out", dir, "--classes", "3", "--train-per-class",
         "8", "--val-per-class", "2", "--size", "48"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return dir;
  }

  // Packs them and gives the data set's folder.
  std::string pack_photos() const {
    const std::string out = dir_.file("packed");
    const ChildResult result = voxlift({"pack", "--source", synth_photos(),
                                        "--layout", "imagenet", "--out", out});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return out;
  }

  static void expect_says(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos)
        << "'" << part << "' is not in: " << text;
  }

  test::TempDir dir_;
};

TEST_F(LightCommandsTest, ShowHelpWithExamples) {
  for (const char* command : {"synth", "pack", "inspect", "verify"}) {
    const ChildResult result = voxlift({command, "--help"});
    EXPECT_EQ(result.exit_code, 0) << command;
    expect_says(result.out, str_cat("usage: voxlift ", command));
    expect_says(result.out, "examples:");
  }
}

TEST_F(LightCommandsTest, DoctorSaysHowRanksStart) {
  const ChildResult table = voxlift({"doctor"});
  EXPECT_LE(table.exit_code, 1) << table.err;
  EXPECT_NE(table.out.find("voxlift-launch: the ranks are started by"),
            std::string::npos)
      << table.out;
  const Json findings = parse_json(voxlift({"doctor", "--json"}).out, "json");
  ASSERT_TRUE(findings.is_array());
  const bool has_problem =
      std::any_of(findings.begin(), findings.end(),
                  [](const Json& finding) { return finding["problem"] != ""; });
  EXPECT_EQ(table.exit_code, has_problem ? 1 : 0);
}

TEST_F(LightCommandsTest, PackAndVerifyTheGeneratedWorld) {
  const std::string packed = pack_photos();
  const ChildResult verify = voxlift({"verify", packed});
  EXPECT_EQ(verify.exit_code, 0) << verify.err;
  expect_says(verify.out, "is good: 1 shards, 24 samples");
}

TEST_F(LightCommandsTest, BenchPhotosBesideABareDecoder) {
  const ChildResult result =
      voxlift({"bench", "data.photo", "--data", pack_photos(), "--workers",
               "1,2", "--seconds", "0", "--round-samples", "8", "--batch", "4",
               "--image-size", "32"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const std::string name :
       {"path", "bare", "exact", "path_over_bare", "path_over_exact",
        "path_over_bare.cpu", "scaling", "memory"}) {
    expect_says(result.out, str_cat("\"data.photo.", name, "\""));
  }
  expect_says(result.out, "\"n\":3");
  expect_says(result.out, "\"workers\":2");
}

TEST_F(LightCommandsTest, BenchTheQualityOfFastDecoding) {
  const ChildResult result =
      voxlift({"bench", "data.photo_quality", "--data", pack_photos(),
               "--draws", "2", "--image-size", "32"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_says(result.out, "\"data.photo_quality\",\"n\":48");
}

TEST_F(LightCommandsTest, BenchRefusesWhatItCannotMeasure) {
  const ChildResult unknown = voxlift({"bench", "data.foto"});
  EXPECT_EQ(unknown.exit_code, 2);
  expect_says(unknown.err, "the nearest is 'data.photo'");
  const ChildResult few = voxlift({"bench", "data.photo", "--data", "x",
                                   "--round-samples", "3", "--batch", "4"});
  EXPECT_EQ(few.exit_code, 2);
  expect_says(few.err, "round_samples is 3, at least one batch of 4");
}

TEST_F(LightCommandsTest, PackTheValidationSplit) {
  const ChildResult result =
      voxlift({"pack", "--source", synth_photos(), "--layout", "imagenet",
               "--split", "val", "--out", dir_.file("val")});
  expect_says(result.out, "packed 6 samples of 3 classes");
}

TEST_F(LightCommandsTest, PackShowsWhatItWouldPack) {
  const std::string out = dir_.file("none");
  const ChildResult result =
      voxlift({"pack", "--source", synth_photos(), "--layout", "imagenet",
               "--dry-run", "--out", out});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_says(result.out, "samples   24\n");
  expect_says(result.out, ": 8\n");
  EXPECT_FALSE(RealFiles().exists(out));
  const ChildResult without = voxlift({"pack", "--source", out});
  EXPECT_EQ(without.exit_code, 2);
  expect_says(without.err, "option 'out' is required");
}

TEST_F(LightCommandsTest, PackPicturesOutOfATarFile) {
  const std::string packed = pack_photos();
  const std::string photos = dir_.file("photos");
  const std::string script =
      "cd '" + photos +
      "/train' && for c in *; do "
      "(cd $c && tar --format=ustar -cf ../$c.tar *); done && "
      "tar -cf ../ILSVRC2012_img_train.tar *.tar && rm *.tar";
  ASSERT_EQ(test::run_program({"sh", "-c", script}).exit_code, 0);
  const std::string out = dir_.file("from_tar");
  const ChildResult result = voxlift(
      {"pack", "--source", photos, "--layout", "imagenet-tar", "--out", out});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* name : {"index.json", "shard-00000.h5"}) {
    EXPECT_EQ(crc32c(RealFiles().read(join_path(out, name))),
              crc32c(RealFiles().read(join_path(packed, name))))
        << name;
  }
}

TEST_F(LightCommandsTest, PackVolumes) {
  const std::string dir = dir_.file("scans");
  ASSERT_EQ(voxlift({"synth", "volumes", "--out", dir, "--train-per-class", "2",
                     "--val-per-class", "1", "--size", "16"})
                .exit_code,
            0);
  const ChildResult pack =
      voxlift({"pack", "--source", join_path(dir, "train.csv"), "--layout",
               "volumes", "--out", dir_.file("packed")});
  expect_says(pack.out, "packed 4 samples of 2 classes");
  const ChildResult inspect =
      voxlift({"inspect", dir_.file("packed"), "--contact-sheet",
               dir_.file("a.png"), "--transform", "train", "--shape", "8,8,8"});
  EXPECT_EQ(inspect.exit_code, 0) << inspect.err;
  expect_says(inspect.out, "modality    volume");
  EXPECT_TRUE(RealFiles().exists(dir_.file("a.png")));
}

TEST_F(LightCommandsTest, PackGivesTheSameShardsOnAnyNumberOfRanks) {
  const std::string packed = pack_photos();
  for (const int ranks : {2, 3}) {
    const std::string out = dir_.file(str_cat("packed", ranks));
    const ChildResult result =
        on_ranks(ranks, {"pack", "--source", dir_.file("photos"), "--layout",
                         "imagenet", "--out", out});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    for (const char* name : {"index.json", "shard-00000.h5"}) {
      EXPECT_EQ(crc32c(RealFiles().read(join_path(out, name))),
                crc32c(RealFiles().read(join_path(packed, name))))
          << name;
    }
  }
}

TEST_F(LightCommandsTest, PackKeepsShardsThatAreFinished) {
  const std::string packed = pack_photos();
  const ChildResult again = voxlift({"pack", "--source", dir_.file("photos"),
                                     "--layout", "imagenet", "--out", packed});
  expect_says(again.out, "(1 kept from before)");
}

TEST_F(LightCommandsTest, PackEndsAllRanksWithOneLine) {
  const ChildResult result =
      on_ranks(2, {"pack", "--source", dir_.file("none"), "--out", "x"});
  EXPECT_EQ(result.exit_code, 4) << result.err;
  const size_t first = result.err.find("voxlift pack");
  EXPECT_NE(first, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("voxlift pack", first + 1), std::string::npos)
      << result.err;
}

TEST_F(LightCommandsTest, PackNamesAFileThatDoesNotDecode) {
  const std::string photos = synth_photos();
  dir_.write("photos/train/n00000001/bad.JPEG", "no picture");
  const Args pack = {
      "pack",  "--source",         photos, "--layout", "imagenet",
      "--out", dir_.file("packed")};
  const ChildResult failed = voxlift(pack);
  EXPECT_EQ(failed.exit_code, 3);
  expect_says(failed.err, "n00000001/bad.JPEG");
  Args skip = pack;
  skip.insert(skip.end(), {"--on-error", "skip"});
  const ChildResult skipped = voxlift(skip);
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  expect_says(skipped.out, "1 files were left out");
}

TEST_F(LightCommandsTest, PackNamesTheNearestLayout) {
  const ChildResult result =
      voxlift({"pack", "--source", "x", "--out", "y", "--layout", "imagnet"});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "'imagnet'");
  expect_says(result.err, "nearest is 'imagenet'");
}

TEST_F(LightCommandsTest, PackRefusesASplitOfClassFolders) {
  const ChildResult result =
      voxlift({"pack", "--source", "x", "--out", "y", "--split", "val"});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "'split' needs 'split-fracs'");
}

TEST_F(LightCommandsTest, PackRefusesAShardOfNoSize) {
  const ChildResult result =
      voxlift({"pack", "--source", "x", "--out", "y", "--shard-mb", "0"});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "'shard-mb' is 0");
}

TEST_F(LightCommandsTest, VerifyNamesAFlippedBit) {
  const std::string packed = pack_photos();
  const std::string shard = join_path(packed, "shard-00000.h5");
  std::string bytes = test::read_text(shard);
  bytes[bytes.size() / 2] ^= 1;
  dir_.write("packed/shard-00000.h5", bytes);
  for (const std::string& path : {packed, shard}) {
    const ChildResult result = voxlift({"verify", path});
    EXPECT_EQ(result.exit_code, 3) << result.out;
    expect_says(result.out, "shard-00000.h5");
    expect_says(result.err, "DataError");
  }
}

TEST_F(LightCommandsTest, VerifyHasNothingToSayOfAnEmptyFolder) {
  const ChildResult result = voxlift({"verify", dir_.path()});
  EXPECT_EQ(result.exit_code, 3);
  expect_says(result.err, "nothing to verify");
}

TEST_F(LightCommandsTest, InspectShowsADataSetAndAShard) {
  const std::string packed = pack_photos();
  const ChildResult set = voxlift({"inspect", packed, "--contact-sheet",
                                   dir_.file("a.png"), "--count", "4"});
  EXPECT_EQ(set.exit_code, 0) << set.err;
  expect_says(set.out, "samples     24");
  expect_says(set.out, "n00000002  8");
  EXPECT_TRUE(test::read_text(dir_.file("a.png")).starts_with("\x89PNG"));
  const ChildResult shard =
      voxlift({"inspect", join_path(packed, "shard-00000.h5"), "--ids", "1"});
  EXPECT_EQ(shard.exit_code, 0) << shard.err;
  expect_says(shard.out, "sample 0");
}

TEST_F(LightCommandsTest, InspectShowsTheSameTransformForTheSameSeed) {
  const std::string packed = pack_photos();
  const auto sheet = [&](const std::string& name, const std::string& epoch) {
    EXPECT_EQ(voxlift({"inspect", packed, "--contact-sheet", dir_.file(name),
                       "--transform", "train", "--image-size", "32", "--epoch",
                       epoch})
                  .exit_code,
              0);
    return test::read_text(dir_.file(name));
  };
  EXPECT_EQ(sheet("a.png", "3"), sheet("b.png", "3"));
  EXPECT_NE(sheet("a.png", "3"), sheet("c.png", "4"));
}

TEST_F(LightCommandsTest, InspectNamesAnUnknownTransform) {
  const ChildResult result =
      voxlift({"inspect", "x", "--transform", "training"});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "'training', expected none, train or eval");
}

TEST_F(LightCommandsTest, SynthAsksWhatToMake) {
  const ChildResult result = voxlift({"synth", "films"});
  EXPECT_EQ(result.exit_code, 2);
  expect_says(result.err, "'photos', 'volumes' or 'boxes', not 'films'");
}

TEST_F(LightCommandsTest, NeedNoLibTorch) {
  const ChildResult result = test::run_program({"ldd", VOXLIFT});
  ASSERT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out.find("torch"), std::string::npos) << result.out;
  EXPECT_EQ(result.out.find("libc10"), std::string::npos) << result.out;
}

TEST_F(LightCommandsTest, PackRealPhotographs) {
  const std::string source = test::shared_data("data/natural/imagenette224");
  if (source.empty()) {
    GTEST_SKIP() << test::shared_data_missing("data/natural/imagenette224");
  }
  const ChildResult pack =
      on_ranks(2, {"pack", "--source", source, "--layout", "imagenet", "--out",
                   dir_.file("packed"), "--shard-mb", "2"});
  ASSERT_EQ(pack.exit_code, 0) << pack.err;
  const ChildResult verify = voxlift({"verify", dir_.file("packed")});
  EXPECT_EQ(verify.exit_code, 0) << verify.out << verify.err;
}

// A checkpoint folder as files: a model with one tensor of two numbers.
class CheckpointCommandsTest : public LightCommandsTest {
 protected:
  CheckpointCommandsTest() {
    const std::string header =
        R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
    std::string tensors(8, '\0');
    tensors[0] = static_cast<char>(header.size());
    tensors += header + std::string(8, 'x');
    const std::string state =
        R"({"step":7,"samples_seen":1,"evaluated_step":-1,"world_size":1,)"
        R"("classes":[],"config":{},"identity":{"seed":1,"slots":1,)"
        R"("slot_batch":1,"reduction":"exact","steps_per_epoch":1,)"
        R"("data":"0","model":{}}})";
    const std::vector<std::pair<std::string, std::string>> contents = {
        {"model.safetensors", tensors},
        {"optimizer.safetensors", tensors},
        {"state.json", state}};
    std::string entries;
    for (const auto& [name, content] : contents) {
      dir_.write("run/step_00000007/" + name, content);
      entries += str_cat(entries.empty() ? "" : ",", R"({"name":")", name,
                         R"(","bytes":)", content.size(), R"(,"crc32c":")",
                         hex(crc32c(as_bytes(content)), 8), R"("})");
    }
    dir_.write("run/step_00000007/manifest.json",
               str_cat(R"({"format":"voxlift-checkpoint","version":1,)",
                       R"("files":[)", entries, "]}"));
    step_ = dir_.file("run/step_00000007");
  }

  std::string step_;
};

TEST_F(CheckpointCommandsTest, InspectListsTensors) {
  const ChildResult result = voxlift({"inspect", step_});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_says(result.out, "w  F32  (2)");
}

TEST_F(CheckpointCommandsTest, VerifyChecksOneOrAll) {
  EXPECT_EQ(voxlift({"verify", step_}).exit_code, 0);
  const ChildResult all = voxlift({"verify", dir_.file("run")});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  expect_says(all.out, "1 checkpoints");
}

TEST_F(CheckpointCommandsTest, VerifyNamesBothChecksums) {
  const std::string path = "run/step_00000007/model.safetensors";
  std::string bytes = test::read_text(dir_.file(path));
  bytes.back() = 'y';
  dir_.write(path, bytes);
  const ChildResult result = voxlift({"verify", step_});
  EXPECT_EQ(result.exit_code, 3);
  expect_says(result.out, "has checksum");
  expect_says(result.out, "the manifest says");
}

TEST_F(CheckpointCommandsTest, VerifyNamesAFileThatIsCutOrMissing) {
  const std::string path = "run/step_00000007/model.safetensors";
  dir_.write(path, "short");
  expect_says(voxlift({"verify", step_}).out, "has 5 bytes");
  RealFiles().remove_all(dir_.file(path));
  expect_says(voxlift({"verify", step_}).out, "is missing");
}

TEST_F(CheckpointCommandsTest, VerifyNamesAManifestThatLies) {
  const std::string path = "run/step_00000007/manifest.json";
  dir_.write(path, R"({"format":"other"})");
  expect_says(voxlift({"verify", step_}).out, "format is 'other'");
  dir_.write(path, R"({"format":"voxlift-checkpoint","version":3})");
  expect_says(voxlift({"verify", step_}).out, "version is 3");
  dir_.write(path, R"({"format":"voxlift-checkpoint","version":1,"files":)"
                   R"([{"name":"../x","bytes":1,"crc32c":"00000000"}]})");
  expect_says(voxlift({"verify", step_}).out, "no plain file name");
  dir_.write(path, R"({"format":"voxlift-checkpoint","version":1,"files":)"
                   R"([{"name":"x","bytes":1,"crc32c":"12"}]})");
  expect_says(voxlift({"verify", step_}).out, "expected 8 hex digits");
}

TEST_F(CheckpointCommandsTest, InspectNamesAHeaderLongerThanTheFile) {
  const std::string path =
      dir_.write("a.safetensors", std::string(8, '\x7F') + "{}");
  const ChildResult result = voxlift({"inspect", path});
  EXPECT_EQ(result.exit_code, 3);
  expect_says(result.err, "the header has");
}

}  // namespace
}  // namespace voxlift::launcher
