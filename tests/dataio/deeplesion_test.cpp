#include "dataio/source/deeplesion.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/strings.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using test::expect_error;
using test::TempDir;

constexpr const char* kHeader =
    "File_name,Patient_index,Study_index,Series_ID,Key_slice_index,"
    "Measurement_coordinates,Bounding_boxes,Lesion_diameters_Pixel_,"
    "Normalized_lesion_location,Coarse_lesion_type,Possibly_noisy,Slice_range,"
    "Spacing_mm_px_,Image_size,DICOM_windows,Patient_gender,Patient_age,"
    "Train_Val_Test\n";

// One row of DL_info.csv.
struct Row {
  std::string file = "000001_01_01_109.png";
  std::string box = "226.5, 90.25, 241.5, 111.75";
  int noisy = 0;
  std::string spacing = "0.5, 0.5, 5";
  std::string size = "512, 512";
  std::string split = "1";

  std::string text() const {
    return str_cat(file, ",1,1,1,109,\"1, 2, 3, 4, 5, 6, 7, 8\",\"", box,
                   "\",\"11.9, 5.1\",\"0.4, 0.2, 0.4\",3,", noisy,
                   ",\"103, 115\",\"", spacing, "\",\"", size,
                   "\",\"-175, 275\",F,62,", split, "\n");
  }
};

class DeepLesionTest : public testing::Test {
 protected:
  DeepLesionTest() { write_slices("Images_png/000001_01_01", 103, 115); }

  void write_slices(const std::string& folder, int first, int last) {
    for (int i = first; i <= last; ++i) {
      dir_.write(str_cat(folder, "/", i < 100 ? "0" : "", i, ".png"), "");
    }
  }

  void write_info(const std::vector<Row>& rows) {
    std::string text = kHeader;
    for (const Row& row : rows) {
      text += row.text();
    }
    dir_.write("DL_info.csv", text);
  }

  Manifest list(const std::string& split = "train") {
    return list_deeplesion(dir_.path(), split, options_);
  }

  void expect_refused(const Row& row,
                      std::initializer_list<std::string> parts) {
    write_info({row});
    expect_error<DataError>([&] { list("all"); }, parts);
  }

  DeepLesionOptions options_;
  TempDir dir_;
};

TEST_F(DeepLesionTest, ReadsAKeySliceWithItsNeighbours) {
  write_info({Row()});
  const Manifest manifest = list();
  EXPECT_EQ(manifest.box_classes, (std::vector<std::string>{"lesion"}));
  ASSERT_EQ(manifest.entries.size(), 1U);
  const SourceEntry& entry = manifest.entries[0];
  EXPECT_EQ(entry.id, "000001_01_01/109.png");
  EXPECT_EQ(entry.subject, "000001");
  const VolumeEntry& volume = *entry.volume;
  EXPECT_EQ(volume.image.path, dir_.file("Images_png/000001_01_01"));
  EXPECT_EQ(volume.image.first_slice, 106);
  EXPECT_EQ(volume.image.last_slice, 112);
  EXPECT_EQ(volume.image.subtract, 32768.0);
  EXPECT_EQ(*volume.image.spacing_mm, (std::array<double, 3>{5.0, 0.5, 0.5}));
  EXPECT_EQ(volume.key_slice, 3);
  ASSERT_EQ(volume.boxes.size(), 1U);
  EXPECT_EQ(volume.boxes[0],
            (LabelledBox{{3, 89.25, 225.5}, {4, 110.75, 240.5}, 0}));
}

TEST_F(DeepLesionTest, ReadsAsFarAsItIsToldAndSlicesExist) {
  write_info({Row{.spacing = "0.5, 0.5, 2"}});
  EXPECT_EQ(list().entries[0].volume->image.first_slice, 103);
  EXPECT_EQ(list().entries[0].volume->image.last_slice, 115);
  options_.context_mm = 5.0;
  EXPECT_EQ(list().entries[0].volume->image.first_slice, 106);
  RealFiles().remove_all(dir_.file("Images_png/000001_01_01/108.png"));
  EXPECT_EQ(list().entries[0].volume->image.first_slice, 109);
  EXPECT_EQ(list().entries[0].volume->key_slice, 0);
  options_.context_mm = 0.0;
  EXPECT_EQ(list().entries[0].volume->image.last_slice, 109);
}

TEST_F(DeepLesionTest, JoinsTheRowsOfAKeySlice) {
  write_info({Row(), Row{.file = "000001_01_01_110.png"},
              Row{.box = "-4, 10, 20, 600"}});
  const Manifest manifest = list();
  ASSERT_EQ(manifest.entries.size(), 2U);
  const auto& boxes = manifest.entries[0].volume->boxes;
  ASSERT_EQ(boxes.size(), 2U);
  EXPECT_EQ(boxes[1], (LabelledBox{{3, 9, 0}, {4, 512, 19}, 0}));
}

TEST_F(DeepLesionTest, SplitsAsPublished) {
  write_info({Row(), Row{.file = "000001_01_01_110.png", .split = "2"},
              Row{.file = "000001_01_01_111.png", .split = "3"}});
  EXPECT_EQ(list("val").entries.at(0).id, "000001_01_01/110.png");
  EXPECT_EQ(list("test").entries.at(0).id, "000001_01_01/111.png");
  EXPECT_EQ(list("all").entries.size(), 3U);
  expect_error<ConfigError>([&] { list("tests"); }, {"nearest: test"});
}

TEST_F(DeepLesionTest, KeepsNoisyLesionsUnlessTold) {
  write_info({Row(), Row{.file = "000001_01_01_110.png", .noisy = 1}});
  EXPECT_EQ(list().entries.size(), 2U);
  options_.keep_noisy = false;
  EXPECT_EQ(list().entries.size(), 1U);
}

TEST_F(DeepLesionTest, LeavesOutMissingSlicesOnlyIfTold) {
  write_info({Row(), Row{.file = "000002_01_01_007.png"}});
  expect_error<DataError>([&] { list(); },
                          {"DL_info.csv:3", "no file", "000002_01_01/007.png"});
  options_.skip_missing = true;
  const Manifest manifest = list();
  EXPECT_EQ(manifest.entries.size(), 1U);
  ASSERT_EQ(manifest.ignored.size(), 1U);
  EXPECT_NE(manifest.ignored[0].find("000002_01_01/007.png"),
            std::string::npos);
}

TEST_F(DeepLesionTest, FindsTheFolderWithinAFolder) {
  RealFiles().make_dirs(dir_.file("Images_png/Images_png"));
  RealFiles().rename_durable(dir_.file("Images_png/000001_01_01"),
                             dir_.file("Images_png/Images_png/000001_01_01"));
  write_info({Row()});
  EXPECT_EQ(list().entries[0].path,
            dir_.file("Images_png/Images_png/000001_01_01"));
}

TEST_F(DeepLesionTest, RejectsBadRowsByLine) {
  expect_refused(Row{.box = "1, 2, 3"}, {"DL_info.csv:2", "4 numbers"});
  expect_refused(Row{.box = "1, 2, 3, nan"}, {"DL_info.csv:2", "4 numbers"});
  expect_refused(Row{.box = "9, 2, 9, 8"}, {"box from 8 to 8 along x"});
  expect_refused(Row{.box = "1, 900, 9, 950"},
                 {"box from 899 to 949 along y", "512 pixels"});
  expect_refused(Row{.spacing = "0, 0, 5"}, {"spacing 0 and 5 mm"});
  expect_refused(Row{.size = "512, 1e30"}, {"image of 512 x 0 pixels"});
  expect_refused(Row{.split = "4"}, {"Train_Val_Test is 4"});
  expect_refused(Row{.split = "x"}, {"Train_Val_Test is 'x'"});
  expect_refused(Row{.file = "../../etc_1.png"}, {"key slice '../../etc'"});
  expect_refused(Row{.file = "109.png"}, {"key slice ''"});
  expect_refused(Row{.file = "000001_01_01_109.jpg"}, {"'109.jpg'"});
  write_info({Row(), Row{.spacing = "0.5, 0.5, 1"}});
  expect_error<DataError>([&] { list(); },
                          {"DL_info.csv:3", "is not that of", "csv:2"});
  dir_.write("DL_info.csv", "File_name\nx\n");
  expect_error<DataError>([&] { list(); },
                          {"DL_info.csv:1", "no column 'Bounding_boxes'"});
}

TEST_F(DeepLesionTest, RejectsAWildContext) {
  write_info({Row()});
  options_.context_mm = 1e9;
  expect_error<ConfigError>([&] { list(); }, {"context-mm is 1e+09"});
}

TEST_F(DeepLesionTest, NamesWhatIsMissing) {
  expect_error<DataError>([&] { list(); },
                          {dir_.path(), "neither DL_info.csv nor annotation"});
  write_info({Row{.split = "2"}});
  expect_error<DataError>([&] { list(); }, {"no key slice for train"});
}

// The COCO form of the same key slice.
class DeepLesionJsonTest : public DeepLesionTest {
 protected:
  static std::string image(int id, const std::string& name,
                           const std::string& more = "\"slice_intv\": 5.0") {
    return str_cat(R"({"file_name": ")", name, R"(", "id": )", id,
                   R"(, "height": 512, "width": 512, "spacing": 0.5, )", more,
                   "}");
  }

  static std::string box(int image_id, const std::string& bbox, int noisy = 0) {
    return str_cat(R"({"image_id": )", image_id, R"(, "bbox": )", bbox,
                   R"(, "category_id": 1, "noisy": )", noisy, "}");
  }

  void write_json(const std::string& split, const std::string& images,
                  const std::string& annotations) {
    dir_.write(str_cat("annotation/deeplesion_", split, ".json"),
               str_cat(R"({"images": [)", images, R"(], "annotations": [)",
                       annotations, "]}"));
  }

  void expect_json_refused(const std::string& images,
                           const std::string& annotations,
                           std::initializer_list<std::string> parts) {
    write_json("train", images, annotations);
    expect_error<DataError>([&] { list(); }, parts);
  }

  const std::string image_ = image(7, "000001_01_01/109.png");
};

TEST_F(DeepLesionJsonTest, GivesWhatTheCsvGives) {
  write_json("train", image_ + "," + image(8, "000001_01_01/112.png"),
             box(7, "[225.5, 89.25, 15, 21.5]"));
  const Manifest json = list();
  write_info({Row()});
  const Manifest csv = list();
  ASSERT_EQ(json.entries.size(), 1U);
  EXPECT_EQ(json.entries[0].id, csv.entries[0].id);
  EXPECT_EQ(json.entries[0].volume->image, csv.entries[0].volume->image);
  EXPECT_EQ(json.entries[0].volume->boxes, csv.entries[0].volume->boxes);
}

TEST_F(DeepLesionJsonTest, ReadsTheFileOfEachSplit) {
  write_json("train", image_, box(7, "[1, 1, 5, 5]"));
  write_json("val", image(1, "000001_01_01/110.png"), box(1, "[1, 1, 5, 5]"));
  EXPECT_EQ(list("val").entries.at(0).id, "000001_01_01/110.png");
  expect_error<IoError>([&] { list("test"); }, {"deeplesion_test.json"});
  expect_error<IoError>([&] { list("all"); }, {"deeplesion_test.json"});
}

TEST_F(DeepLesionJsonTest, DropsNoisyBoxesIfTold) {
  write_json("train", image_,
             box(7, "[1, 1, 5, 5]", 1) + "," + box(7, "[9, 9, 5, 5]"));
  EXPECT_EQ(list().entries[0].volume->boxes.size(), 2U);
  options_.keep_noisy = false;
  EXPECT_EQ(list().entries[0].volume->boxes.size(), 1U);
}

TEST_F(DeepLesionJsonTest, RejectsBadLists) {
  const std::string good = box(7, "[1, 1, 5, 5]");
  expect_json_refused(image_, box(8, "[1, 1, 5, 5]"),
                      {"annotation 1", "no image 8"});
  expect_json_refused(image_, good + "," + box(7, "[1, 1, 0, 5]"),
                      {"annotation 2", "box from 1 to 1 along x"});
  expect_json_refused(image_, box(7, "[1, 1, 0]"), {"annotation 1", "bbox"});
  expect_json_refused(image_ + "," + image(7, "000001_01_01/110.png"), good,
                      {"image 2", "a second image of the id 7"});
  expect_json_refused(image_ + "," + image(8, "000001_01_01/109.png"), good,
                      {"image 2", "listed twice"});
  expect_json_refused(image(7, "000001_01_01/109.png", R"("a": 1)"), good,
                      {"image 1", "slice_intv"});
  expect_json_refused(image(7, "../x_1/109.png"), good, {"key slice '..'"});
  expect_json_refused(image(7, "x.png"), good, {"key slice ''"});
  dir_.write("annotation/deeplesion_train.json", "[]");
  expect_error<DataError>([&] { list(); }, {"deeplesion_train.json", "images"});
}

}  // namespace
}  // namespace voxlift::dataio
