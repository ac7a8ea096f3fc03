#include "dataio/source/coco.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "dataio/encode/png_writer.h"
#include "dataio/scan.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace voxlift::dataio {
namespace {

using voxlift::test::expect_error;

// A red picture of 8 x 6 pixels, twice, with one box in the first.
class CocoTest : public testing::Test {
 protected:
  CocoTest() {
    Image image;
    image.width = 8;
    image.height = 6;
    for (int i = 0; i < 48; ++i) {
      image.rgb.insert(image.rgb.end(), {200, 20, 2});
    }
    files_.make_dirs(temp_.file("pictures"));
    for (const char* name : {"pictures/a.png", "pictures/b.png"}) {
      files_.publish(temp_.file(name), as_text(encode_png(image)));
    }
    list_ = {{"images", {image_of(5, "a.png"), image_of(9, "b.png")}},
             {"annotations", {box_of(5, 3, {1.5, 2.0, 3.0, 2.5})}},
             {"categories",
              {{{"id", 18}, {"name", "dog"}}, {{"id", 3}, {"name", "cat"}}}}};
  }

  static Json image_of(int64_t id, const std::string& name) {
    return {{"id", id}, {"file_name", name}, {"width", 8}, {"height", 6}};
  }

  static Json box_of(int64_t image, int64_t category,
                     const std::vector<double>& bbox) {
    return {{"image_id", image}, {"category_id", category}, {"bbox", bbox}};
  }

  Manifest list() {
    files_.publish(temp_.file("list.json"), list_.dump());
    return list_coco(temp_.file("list.json"), temp_.file("pictures"));
  }

  void expect_refused(std::initializer_list<std::string> parts) {
    expect_error<DataError>([&] { (void)list(); }, parts);
  }

  voxlift::test::TempDir temp_;
  RealFiles files_;
  Json list_;
};

TEST_F(CocoTest, MakesScansOfPlanes) {
  const Manifest manifest = list();
  EXPECT_EQ(manifest.modality, Modality::kVolume);
  EXPECT_EQ(manifest.box_classes, (std::vector<std::string>{"cat", "dog"}));
  ASSERT_EQ(manifest.entries.size(), 1U);
  EXPECT_EQ(manifest.entries[0].id, "a.png");
  EXPECT_EQ(manifest.ignored,
            (std::vector<std::string>{"1 pictures without boxes"}));
  const Scan scan = read_scan(*manifest.entries[0].volume);
  EXPECT_EQ(scan.image.shape, (Shape3{3, 6, 8}));
  EXPECT_EQ(scan.image.at(0, 5, 7), 200.0F);
  EXPECT_EQ(scan.image.at(1, 0, 0), 20.0F);
  EXPECT_EQ(scan.image.at(2, 3, 3), 2.0F);
  EXPECT_EQ(scan.key_slice, 1);
  ASSERT_EQ(scan.boxes.size(), 1U);
  EXPECT_EQ(scan.boxes[0], (LabelledBox{{0.0, 2.0, 1.5}, {3.0, 4.5, 4.5}, 0}));
}

TEST_F(CocoTest, CutsBoxesAtTheEdgeAndLeavesOutCrowdsAndSmallOnes) {
  list_["annotations"].push_back(box_of(9, 18, {-2.0, 4.0, 20.0, 5.0}));
  list_["annotations"].push_back(box_of(9, 18, {2.0, 4.0, 0.5, 2.0}));
  Json crowd = box_of(9, 18, {0.0, 0.0, 8.0, 6.0});
  crowd["iscrowd"] = 1;
  list_["annotations"].push_back(crowd);
  const Manifest manifest = list();
  ASSERT_EQ(manifest.entries.size(), 2U);
  EXPECT_EQ(manifest.entries[1].volume->boxes,
            (std::vector<LabelledBox>{{{0.0, 4.0, 0.0}, {3.0, 6.0, 8.0}, 1}}));
  EXPECT_EQ(manifest.ignored,
            (std::vector<std::string>{
                "1 boxes of crowds",
                "1 boxes of less than a pixel of width or height"}));
}

TEST_F(CocoTest, RefusesBoxesOutsideOfThePicture) {
  list_["annotations"].push_back(box_of(9, 3, {9.0, 1.0, 2.0, 2.0}));
  expect_refused({"list.json: annotation 2", "[9.0,1.0,2.0,2.0]", "b.png",
                  "8 x 6 pixels"});
}

TEST_F(CocoTest, NamesWhatIsUnknown) {
  list_["annotations"][0]["image_id"] = 6;
  expect_refused({"annotation 1", "there is no image 6"});
  list_["annotations"][0]["image_id"] = 5;
  list_["annotations"][0]["category_id"] = 4;
  expect_refused({"annotation 1", "there is no category 4"});
  list_["annotations"][0].erase("category_id");
  expect_refused({"annotation 1", "category_id"});
}

TEST_F(CocoTest, NamesBadPictures) {
  const Json good = list_;
  list_["images"][1]["file_name"] = "../b.png";
  expect_refused({"image 2", "'../b.png'", "no path below a folder"});
  list_ = good;
  list_["images"][1]["id"] = 5;
  expect_refused({"image 2", "a second image of the id 5"});
  list_ = good;
  list_["images"][1]["file_name"] = "./a.png";
  expect_refused({"image 2", "'./a.png' is listed twice"});
  list_ = good;
  list_["images"][1]["width"] = 0;
  expect_refused({"image 2", "width is 0, want 1 to"});
  list_ = good;
  list_["images"][0]["file_name"] = "c.png";
  expect_refused({"image 1", "no file", "c.png"});
}

TEST_F(CocoTest, NamesRepeatedCategoriesAndListsWithoutBoxes) {
  const Json good = list_;
  list_["categories"][1]["id"] = 18;
  expect_refused({"category 2", "a second category of the id 18"});
  list_ = good;
  list_["annotations"] = Json::array();
  expect_refused({"list.json", "no picture has a box"});
  list_.erase("annotations");
  expect_refused({"list.json", "no array 'annotations'"});
}

TEST_F(CocoTest, NamesTheDamagedPictureWhenItIsRead) {
  files_.publish(temp_.file("pictures/a.png"), "no picture");
  const Manifest manifest = list();
  expect_error<DataError>([&] { (void)read_scan(*manifest.entries[0].volume); },
                          {"a.png"});
}

}  // namespace
}  // namespace voxlift::dataio
