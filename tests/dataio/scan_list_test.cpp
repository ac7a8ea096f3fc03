#include "dataio/source/scan_list.h"

#include <gtest/gtest.h>

#include <map>

#include "base/files.h"
#include "base/json.h"
#include "base/strings.h"
#include "dataio/source/csv_table.h"
#include "dataio/source/scan_files.h"
#include "tests/support/expect_error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using test::expect_error;
using test::shared_data;
using test::shared_data_missing;
using test::TempDir;

std::vector<std::string> ids(const Manifest& manifest) {
  std::vector<std::string> result;
  for (const SourceEntry& entry : manifest.entries) {
    result.push_back(entry.id);
  }
  return result;
}

class VolumesCsvTest : public testing::Test {
 protected:
  VolumesCsvTest() {
    for (const char* name : {"a", "b", "c"}) {
      dir_.write(std::string("scans/") + name + ".nii.gz", "");
    }
  }

  Manifest list(const std::string& csv,
                const std::vector<std::string>& classes = {}) {
    return list_volumes_csv(dir_.write("list.csv", csv), "", classes);
  }

  void expect_refused(const std::string& csv,
                      std::initializer_list<std::string> parts) {
    expect_error<DataError>([&] { list(csv); }, parts);
  }

  TempDir dir_;
};

TEST_F(VolumesCsvTest, ListsNumbersInFileOrder) {
  const Manifest manifest =
      list("mask,path,label\nx,scans/b.nii.gz,2\ny,\"scans/a.nii.gz\",0\n");
  EXPECT_EQ(manifest.modality, Modality::kVolume);
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(ids(manifest),
            (std::vector<std::string>{"scans/b.nii.gz", "scans/a.nii.gz"}));
  EXPECT_EQ(manifest.entries[0].label, 2);
  EXPECT_EQ(manifest.entries[0].path, dir_.file("scans/b.nii.gz"));
}

TEST_F(VolumesCsvTest, SortsClassNames) {
  const Manifest manifest =
      list("path,label\nscans/a.nii.gz,malignant\nscans/b.nii.gz,benign\n");
  EXPECT_EQ(manifest.classes,
            (std::vector<std::string>{"benign", "malignant"}));
  EXPECT_EQ(manifest.entries[0].label, 1);
}

TEST_F(VolumesCsvTest, ResolvesAgainstGivenClasses) {
  const std::vector<std::string> classes = {"benign", "malignant"};
  EXPECT_EQ(
      list("path,label\nscans/a.nii.gz,malignant\n", classes).entries[0].label,
      1);
  EXPECT_EQ(list("path,label\nscans/a.nii.gz,1\n", classes).entries[0].label,
            1);
  expect_error<DataError>(
      [&] { list("path,label\nscans/a.nii.gz,benig\n", classes); },
      {"list.csv:2", "'benig'", "nearest: benign"});
}

TEST_F(VolumesCsvTest, TakesPathsBelowAnotherRoot) {
  const std::string csv = dir_.write("lists/l.csv", "path,label\na.nii.gz,0\n");
  EXPECT_EQ(list_volumes_csv(csv, dir_.file("scans")).entries[0].path,
            dir_.file("scans/a.nii.gz"));
}

TEST_F(VolumesCsvTest, RejectsBadRowsByLine) {
  expect_refused("path,label\nscans/a.nii.gz,0\nscans/z.nii.gz,1\n",
                 {"list.csv:3", "no file", "scans/z.nii.gz"});
  expect_refused("path,label\nscans/a.nii.gz,0\nscans/a.nii.gz,1\n",
                 {"list.csv:3", "already in line 2"});
  expect_refused("path,label\nscans/a.nii.gz,-1\n", {"list.csv:2", "'-1'"});
  expect_refused("path,label\nscans/a.nii.gz,0\nscans/b.nii.gz,\n",
                 {"list.csv:3", "no label, but line 2 has one"});
  expect_refused("path,label\nscans/a.nii.gz,0\nscans/b.nii.gz,x\n",
                 {"list.csv:3", "'x'", "whole number"});
  expect_refused("path,label\nscans/a.nii.gz,x\nscans/b.nii.gz,0\n",
                 {"list.csv:3", "'0'", "class name like 'x'"});
  expect_refused("path,label\nscans/a.nii.gz\n",
                 {"list.csv:2", "1 fields, want at least 2"});
  expect_refused("file,label\nscans/a.nii.gz,0\n",
                 {"list.csv:1", "no column 'path'", "file,label"});
  expect_refused("path,label\n", {"list.csv", "no row below the header"});
}

// Lists of every form over the same few scans.
class ScanListTest : public VolumesCsvTest {
 protected:
  ScanListTest() {
    dir_.write("masks/a.nii.gz", "");
    dir_.write("masks/b.nii.gz", "");
    options_.mask_classes = {"background", "liver"};
  }

  Manifest list_as(const std::string& name, const std::string& content) {
    return list_scans(dir_.write(name, content), options_);
  }

  void expect_json_refused(const std::string& scan,
                           std::initializer_list<std::string> parts) {
    expect_error<DataError>([&] { list_as("l.json", "[" + scan + "]"); },
                            parts);
  }

  ScanListOptions options_;
};

TEST_F(ScanListTest, ReadsMasksSubjectsAndBoxesFromCsv) {
  const Manifest manifest = list_as(
      "list.csv",
      "image,mask,subject,boxes,spacing_mm,remark\n"
      "scans/a.nii.gz,masks/a.nii.gz,p1,\"[{\"\"low\"\":[0,1,2],\"\"high\"\":"
      "[1,3,4.5],\"\"class\"\":\"\"tumour\"\"}]\",\"[2,1,1]\",x\n"
      "./scans//b.nii.gz,masks/b.nii.gz,p1,[],,y\n");
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"scan"}));
  EXPECT_EQ(manifest.mask_classes, options_.mask_classes);
  EXPECT_EQ(manifest.box_classes, (std::vector<std::string>{"tumour"}));
  EXPECT_EQ(ids(manifest),
            (std::vector<std::string>{"scans/a.nii.gz", "scans/b.nii.gz"}));
  const SourceEntry& first = manifest.entries[0];
  EXPECT_EQ(first.subject, "p1");
  EXPECT_EQ(first.path, first.volume->image.path);
  EXPECT_EQ(first.volume->mask->path, dir_.file("masks/a.nii.gz"));
  EXPECT_EQ(first.volume->image.spacing_mm->at(0), 2.0);
  ASSERT_EQ(first.volume->boxes.size(), 1U);
  EXPECT_EQ(first.volume->boxes[0], (LabelledBox{{0, 1, 2}, {1, 3, 4.5}, 0}));
  EXPECT_TRUE(manifest.entries[1].volume->boxes.empty());
}

TEST_F(ScanListTest, TakesAScanOncePerKeySlice) {
  const Manifest csv = list_as("l.csv",
                               "image,label,key_slice\n"
                               "scans/a.nii.gz,1,3\n"
                               "scans/a.nii.gz,1,0\n"
                               "scans/b.nii.gz,0,\n");
  EXPECT_EQ(ids(csv),
            (std::vector<std::string>{"scans/a.nii.gz@3", "scans/a.nii.gz@0",
                                      "scans/b.nii.gz"}));
  EXPECT_EQ(csv.entries[0].volume->key_slice, 3);
  EXPECT_EQ(csv.entries[2].volume->key_slice, -1);
  const Manifest json = list_as(
      "l.json", R"([{"image": "scans/a.nii.gz", "label": 1, "key_slice": 2}])");
  EXPECT_EQ(json.entries[0].volume->key_slice, 2);
}

TEST_F(ScanListTest, ReadsTheSameFromEveryForm) {
  const std::string a = R"({"image": "scans/a.nii.gz", "label": 1})";
  const std::string b = R"({"path": "scans/b.nii.gz", "label": 0})";
  const Manifest csv =
      list_as("l.csv", "image,label\nscans/a.nii.gz,1\nscans/b.nii.gz,0\n");
  for (const auto& [name, content] :
       {std::pair<std::string, std::string>{"l.json", "[" + a + "," + b + "]"},
        {"m.json", R"({"scans": [)" + a + "," + b + "]}"},
        {"l.jsonl", a + "\n\n" + b + "\n"}}) {
    const Manifest other = list_as(name, content);
    EXPECT_EQ(other.classes, csv.classes) << name;
    EXPECT_EQ(ids(other), ids(csv)) << name;
    EXPECT_EQ(other.entries[0].label, 1) << name;
  }
}

TEST_F(ScanListTest, KeepsOneSplitWithTheClassesOfAll) {
  const std::string rows =
      "image,label,split\nscans/a.nii.gz,x,train\nscans/b.nii.gz,y,val\n";
  options_.split = "val";
  const Manifest manifest = list_as("l.csv", rows);
  EXPECT_EQ(manifest.classes, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(ids(manifest), (std::vector<std::string>{"scans/b.nii.gz"}));
  EXPECT_EQ(manifest.entries[0].label, 1);
  options_.split = "vall";
  expect_error<ConfigError>([&] { list_as("l.csv", rows); },
                            {"'vall'", "'train', 'val'", "nearest: val"});
  options_.split = "val";
  expect_error<DataError>(
      [&] { list_as("l.csv", "image,label\nscans/a.nii.gz,x\n"); },
      {"l.csv:2", "no split, but 'val' is asked for"});
}

TEST_F(ScanListTest, ReadsPartsOfArrays) {
  dir_.write("x.npz", "");
  const Manifest manifest =
      list_as("l.json",
              R"([{"image": {"path": "x.npz", "part": "img", "position": 0},
           "label": 0},
          {"image": {"path": "x.npz", "part": "img", "position": 1},
           "label": 1}])");
  EXPECT_EQ(ids(manifest),
            (std::vector<std::string>{"x.npz#img[0]", "x.npz#img[1]"}));
  EXPECT_EQ(manifest.entries[1].volume->image.position, 1);
  EXPECT_EQ(manifest.entries[1].volume->image.part, "img");
}

TEST_F(ScanListTest, ReadsTheDecathlonsList) {
  options_.mask_classes.clear();
  options_.split = "train";
  const std::string json =
      R"({"name": "x", "labels": {"0": "background", "1": "anterior"},
          "training": [{"image": "./scans/a.nii.gz",
                        "label": "./masks/a.nii.gz"}],
          "test": ["./scans/b.nii.gz"]})";
  const Manifest train = list_as("dataset.json", json);
  EXPECT_EQ(ids(train), (std::vector<std::string>{"scans/a.nii.gz"}));
  EXPECT_EQ(train.mask_classes,
            (std::vector<std::string>{"background", "anterior"}));
  EXPECT_EQ(train.entries[0].volume->mask->path, dir_.file("masks/a.nii.gz"));
  options_.split = "test";
  const Manifest held_out = list_as("dataset.json", json);
  EXPECT_EQ(ids(held_out), (std::vector<std::string>{"scans/b.nii.gz"}));
  EXPECT_TRUE(held_out.mask_classes.empty());
  options_.split.clear();
  expect_error<DataError>([&] { list_as("dataset.json", json); },
                          {"scan 2", "no mask, but scan 1 has one"});
}

TEST_F(ScanListTest, WantsNamesForMasks) {
  options_.mask_classes.clear();
  expect_error<ConfigError>(
      [&] { list_as("l.csv", "image,mask\nscans/a.nii.gz,masks/a.nii.gz\n"); },
      {"l.csv", "'mask-classes'"});
}

TEST_F(ScanListTest, NotesMasksThatItLeavesOut) {
  options_.mask_classes.clear();
  const Manifest manifest =
      list_as("l.csv", "image,mask,label\nscans/a.nii.gz,masks/a.nii.gz,1\n");
  EXPECT_FALSE(manifest.entries[0].volume->mask);
  EXPECT_TRUE(manifest.mask_classes.empty());
  ASSERT_EQ(manifest.ignored.size(), 1U);
  EXPECT_NE(manifest.ignored[0].find("its masks"), std::string::npos);
}

TEST_F(ScanListTest, RejectsBadLists) {
  expect_error<DataError>([&] { list_as("l.csv", "image,x\nscans/a.nii,1\n"); },
                          {"l.csv:1", "no column 'label', 'mask' or 'boxes'"});
  expect_error<DataError>([&] { list_as("l.json", "7"); },
                          {"neither an array"});
  expect_error<DataError>([&] { list_as("l.json", "[]"); },
                          {"the list has no scan"});
  expect_error<DataError>([&] { list_as("l.json", R"({"images": []})"); },
                          {"l.json", "scans"});
  expect_error<DataError>([&] { list_as("l.jsonl", "{}\n{\n"); },
                          {"l.jsonl:2"});
  expect_error<IoError>([&] { list_scans(dir_.file("no.json"), options_); },
                        {"no.json"});
  expect_error<DataError>(
      [&] { list_as("l.csv", "a,image,a,label\n1,scans/a.nii.gz,1,1\n"); },
      {"l.csv:1", "two columns 'a'"});
  expect_error<DataError>(
      [&] {
        list_as("l.csv", "path,image,label\nscans/a.nii.gz,scans/a.nii.gz,1\n");
      },
      {"l.csv:2", "both 'image' and 'path'"});
}

TEST_F(ScanListTest, RejectsBadScansByPlace) {
  expect_json_refused("3", {"l.json: scan 1", "not an object"});
  expect_json_refused(R"({"imag": "a"})",
                      {"unknown field 'imag'", "nearest: image"});
  expect_json_refused(R"({"label": 1})", {"no 'image'"});
  expect_json_refused(R"({"image": 4, "label": 1})", {"'image' is 4"});
  expect_json_refused(R"({"image": "scans/z.nii", "label": 1})",
                      {"no file", "scans/z.nii"});
  expect_json_refused(R"({"image": "../a.nii", "label": 1})",
                      {"'../a.nii'", "outside of the list's folder"});
  expect_json_refused(R"({"image": "scans/a.nii.gz", "label": 1.5})",
                      {"'label' is 1.5"});
  expect_json_refused(
      R"({"image": "scans/a.nii.gz", "label": 1, "spacing_mm": [1, 2]})",
      {"'spacing_mm' is [1,2]", "three numbers"});
  for (const std::string slice : {"-1", "\"x\""}) {
    expect_json_refused(R"({"image": "scans/a.nii.gz", "label": 1, )"
                        R"("key_slice": )" +
                            slice + "}",
                        {"key_slice '", "want a whole number from 0"});
  }
  expect_json_refused(R"({"image": {"part": "x"}, "label": 1})",
                      {"scan 1", "path"});
}

TEST_F(ScanListTest, RejectsBadBoxes) {
  const auto scan = [](const std::string& boxes) {
    return R"({"image": "scans/a.nii.gz", "boxes": )" + boxes + "}";
  };
  expect_json_refused(scan("3"), {"'boxes' is no array"});
  expect_json_refused(scan("[3]"), {"a box is 3"});
  expect_json_refused(scan(R"([{"low": [0, 0, 0]}])"),
                      {"a box's 'high' is null"});
  expect_json_refused(scan(R"([{"low": [0, 0, 0], "high": [1, 0, 1]}])"),
                      {"from 0 to 0 along axis 1", "low < high"});
  options_.box_classes = {"lesion"};
  expect_json_refused(
      scan(R"([{"low": [0, 0, 0], "high": [1, 1, 1], "class": "lung"}])"),
      {"box class 'lung'", "'lesion'"});
}

TEST(CsvTableTest, ReadsFieldsByColumn) {
  const TempDir dir;
  const CsvTable table(
      dir.write("t.csv", "a, b ,\"c\"\n 1 ,x,\"1, 2.5\"\n2,,3\n"), {"a"});
  EXPECT_EQ(table.num_rows(), 2U);
  EXPECT_EQ(table.field(0, "b"), "x");
  EXPECT_EQ(table.field(0, "none"), "");
  EXPECT_EQ(table.whole_number(1, "a"), 2);
  EXPECT_EQ(table.numbers(0, "c", 2), (std::vector<double>{1.0, 2.5}));
  expect_error<DataError>([&] { (void)table.whole_number(0, "b"); },
                          {"t.csv:2", "b is 'x'", "whole number"});
  expect_error<DataError>([&] { (void)table.numbers(1, "c", 2); },
                          {"t.csv:3", "c is '3'", "2 numbers"});
}

TEST(PathBelowTest, KeepsToItsFolder) {
  EXPECT_EQ(path_below("./a//b/./c"), "a/b/c");
  for (const char* bad : {"", ".", "/a", "a/../b", ".."}) {
    EXPECT_FALSE(path_below(bad)) << bad;
  }
}

TEST(ScanFilesTest, KnowsScansByName) {
  for (const char* name : {"a.nii", "a.NII.GZ", "a.mha", "a.npz", "a.dcm"}) {
    EXPECT_TRUE(has_scan_extension(name)) << name;
    EXPECT_EQ(without_scan_extension(name), "a");
  }
  EXPECT_FALSE(has_scan_extension("a.img"));
  EXPECT_FALSE(has_scan_extension("a.gz"));
}

TEST(ScanFoldersTest, ListsFilesAndSeries) {
  const TempDir dir;
  dir.write("benign/b.nii.gz", "");
  dir.write("benign/a.mha", "");
  dir.write("benign/a.raw", "");
  dir.write("malignant/p1/series/1.dcm", "");
  dir.write("malignant/p1/series/2.dcm", "");
  dir.write("malignant/p2/001.png", "");
  dir.write("malignant/single.dcm", "");
  const Manifest manifest = list_scan_folders(dir.path());
  EXPECT_EQ(manifest.modality, Modality::kVolume);
  EXPECT_EQ(manifest.classes,
            (std::vector<std::string>{"benign", "malignant"}));
  EXPECT_EQ(ids(manifest),
            (std::vector<std::string>{"benign/a.mha", "benign/b.nii.gz",
                                      "malignant/p1/series", "malignant/p2",
                                      "malignant/single.dcm"}));
  EXPECT_EQ(manifest.entries[2].volume->image.path,
            dir.file("malignant/p1/series"));
  ASSERT_EQ(manifest.ignored.size(), 1U);
  EXPECT_EQ(manifest.ignored[0], "benign/a.raw: not named like a scan");
}

TEST(ScanFoldersTest, RejectsAnEmptyClass) {
  const TempDir dir;
  expect_error<DataError>([&] { list_scan_folders(dir.path()); },
                          {dir.path(), "no class folder"});
  dir.write("a/x.txt", "");
  expect_error<DataError>([&] { list_scan_folders(dir.path()); },
                          {dir.file("a"), "holds no scan"});
}

TEST(RealScanListTest, ListsTheHippocampusWithItsMasks) {
  const std::string root = shared_data("data/medical/hippocampus");
  if (root.empty()) {
    GTEST_SKIP() << shared_data_missing("data/medical/hippocampus");
  }
  const TempDir dir;
  std::string csv = "image,mask,split\n";
  for (const char* split : {"train", "val"}) {
    const std::string images = str_cat(split, "/images");
    for (const std::string& name :
         RealFiles().list_dir(join_path(root, images))) {
      csv += str_cat(images, "/", name, ",", split, "/labels/", name, ",",
                     split, "\n");
    }
  }
  ScanListOptions options;
  options.root = root;
  options.split = "train";
  options.mask_classes = {"background", "anterior", "posterior"};
  EXPECT_EQ(list_scans(dir.write("l.csv", csv), options).entries.size(), 110U);
  options.split = "val";
  EXPECT_EQ(list_scans(dir.write("l.csv", csv), options).entries.size(), 30U);
}

TEST(RealScanListTest, ListsNodulesWithTheirBoxes) {
  const std::string root = shared_data("data/medical/lidc_nodules");
  if (root.empty()) {
    GTEST_SKIP() << shared_data_missing("data/medical/lidc_nodules");
  }
  const CsvTable boxes(join_path(root, "boxes.csv"),
                       {"volume", "x0", "y0", "z0", "x1", "y1", "z1"});
  std::map<std::string, Json> of_volume;
  for (size_t row = 0; row < boxes.num_rows(); ++row) {
    const auto at = [&](const char* name) {
      return boxes.whole_number(row, name);
    };
    of_volume[boxes.field(row, "volume")].push_back(
        {{"low", {at("z0"), at("y0"), at("x0")}},
         {"high", {at("z1"), at("y1"), at("x1")}}});
  }
  Json scans = Json::array();
  for (const auto& [name, list] : of_volume) {
    scans.push_back({{"image", "images/" + name + ".nii.gz"},
                     {"subject", name.substr(0, 9)},
                     {"boxes", list}});
  }
  const TempDir dir;
  ScanListOptions options;
  options.root = root;
  const Manifest manifest =
      list_scans(dir.write("l.json", scans.dump()), options);
  EXPECT_EQ(manifest.entries.size(), of_volume.size());
  EXPECT_EQ(manifest.box_classes, (std::vector<std::string>{"object"}));
  size_t num_boxes = 0;
  for (const SourceEntry& entry : manifest.entries) {
    num_boxes += entry.volume->boxes.size();
  }
  EXPECT_EQ(num_boxes, boxes.num_rows());
}

TEST(RealScanListTest, ListsHeartsByDiseaseAndPatient) {
  const std::string root = shared_data("data/medical/acdc");
  if (root.empty()) {
    GTEST_SKIP() << shared_data_missing("data/medical/acdc");
  }
  const CsvTable groups(join_path(root, "groups.csv"), {"patient", "group"});
  std::string csv = "path,label,subject\n";
  for (size_t row = 0; row < groups.num_rows(); ++row) {
    const std::string patient = groups.field(row, "patient");
    for (const char* frame : {"01", "02"}) {
      csv += str_cat("images/", patient, "_frame", frame, ".nii.gz,",
                     groups.field(row, "group"), ",", patient, "\n");
    }
  }
  const TempDir dir;
  const Manifest manifest = list_volumes_csv(dir.write("l.csv", csv), root);
  EXPECT_EQ(manifest.classes,
            (std::vector<std::string>{"DCM", "HCM", "MINF", "NOR", "RV"}));
  EXPECT_EQ(manifest.entries.size(), 2 * groups.num_rows());
}

}  // namespace
}  // namespace voxlift::dataio
