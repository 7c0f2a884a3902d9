#include "library/folders.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/files/file_version.h"
#include "library/extra_paths.h"

namespace easel::models {
namespace {

namespace fs = std::filesystem;

class FoldersTest : public ::testing::Test {
 protected:
  FoldersTest() : root_(fs::temp_directory_path() / ("easel-folders-" + std::to_string(getpid()))) {
    fs::remove_all(root_);
  }
  ~FoldersTest() override { fs::remove_all(root_); }
  void put(const std::string& path) {
    fs::create_directories((root_ / path).parent_path());
    write_file(root_ / path, "x");
  }
  fs::path root_;
};

TEST_F(FoldersTest, ListsModelFilesBelowTheirKind) {
  put("models/checkpoints/b.safetensors");
  put("models/checkpoints/sd15/a.ckpt");
  put("models/checkpoints/notes.txt");
  put("models/t2i_adapter/style.pth");
  put("models/clip/l.safetensors");
  const library::Folders folders(root_ / "models");
  EXPECT_EQ(folders.list("checkpoints"), (std::vector<std::string>{"b.safetensors", "sd15/a.ckpt"}));
  EXPECT_EQ(folders.list("controlnet"), std::vector<std::string>{"style.pth"});
  EXPECT_EQ(folders.list("text_encoders"), folders.list("clip"));
  EXPECT_TRUE(folders.list("vae").empty());
  EXPECT_EQ(folders.find("checkpoints", "sd15/a.ckpt"), root_ / "models/checkpoints/sd15/a.ckpt");
  put("models/vae/new.pt");
  EXPECT_EQ(folders.list("vae"), std::vector<std::string>{"new.pt"});
}

// As ComfyUI lists it: where both of its files are there.
TEST_F(FoldersTest, TheSmallVaeIsAmongTheVaesByItsName) {
  put("checkpoints/a.ckpt");
  put("vae/kl.safetensors");
  put("vae_approx/taesd_decoder.pth");
  put("vae_approx/taesdxl_decoder.safetensors");
  put("vae_approx/taesdxl_encoder.safetensors");
  const library::Folders folders(root_);
  EXPECT_EQ(folders.list("vae"), (std::vector<std::string>{"kl.safetensors", "taesdxl"}));
  EXPECT_EQ(folders.find("vae", "taesdxl"), root_ / "vae_approx/taesdxl_decoder.safetensors");
  EXPECT_EQ(folders.find("vae", "taesd"), root_ / "vae_approx/taesd_decoder.pth");  // not listed: it only decodes
  put("vae_approx/taesd_encoder.pth");
  EXPECT_EQ(folders.list("vae"), (std::vector<std::string>{"kl.safetensors", "taesd", "taesdxl"}));
  EXPECT_EQ(folders.list("vae_approx").size(), 4u);
}

TEST_F(FoldersTest, AnInstallationIsUsedInPlace) {
  put("models/checkpoints/b.safetensors");
  put("elsewhere/a1111/Stable-diffusion/x.safetensors");
  put("elsewhere/first/y.safetensors");
  write_file(root_ / "extra_model_paths.yaml",
             "# mine\na111:\n    base_path: elsewhere/a1111/\n    checkpoints: Stable-diffusion  # here\n"
             "    loras: |\n         Lora\n         LyCORIS\n"
             "other:\n  base_path: \"" +
                 (root_ / "elsewhere").string() + "\"\n  is_default: true\n  checkpoints: first\n");
  const library::Folders folders(root_);
  EXPECT_EQ(folders.list("checkpoints"), (std::vector<std::string>{"b.safetensors", "x.safetensors", "y.safetensors"}));
  EXPECT_EQ(folders.folders("checkpoints").front(), root_ / "elsewhere/first");
  const auto loras = folders.folders("loras");
  ASSERT_EQ(loras.size(), 3u);
  EXPECT_EQ(loras[1], root_ / "elsewhere/a1111/Lora");
  EXPECT_EQ(loras[2], root_ / "elsewhere/a1111/LyCORIS");
}

TEST_F(FoldersTest, MissingFilesNameTheirNeighbours) {
  put("checkpoints/v1-5-pruned-emaonly.safetensors");
  try {
    library::Folders(root_).find("checkpoints", "v1-5-pruned-emaonly.ckpt");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.fault(), Fault::kMissing);
    EXPECT_NE(std::string(e.what()).find("'v1-5-pruned-emaonly.safetensors'"), std::string::npos) << e.what();
  }
  EXPECT_THROW(library::Folders(root_ / "nowhere"), Error);
}

// What comes with the program stands after a person's own files, and gives way to one of the same name.
TEST_F(FoldersTest, BuiltInFilesComeLast) {
  put("models/checkpoints/z.safetensors");
  put("models/vae/small.safetensors");
  put("built_in/checkpoints/a.safetensors");
  put("built_in/vae/small.safetensors");
  library::Folders folders(root_ / "models");
  EXPECT_FALSE(folders.has_built_in());
  folders.add_built_in({});
  EXPECT_FALSE(folders.has_built_in());
  folders.add_built_in(root_ / "built_in");
  EXPECT_TRUE(folders.has_built_in());
  EXPECT_EQ(folders.list("checkpoints"), (std::vector<std::string>{"z.safetensors", "a.safetensors"}));
  EXPECT_EQ(folders.list("vae"), std::vector<std::string>{"small.safetensors"});
  EXPECT_EQ(folders.find("vae", "small.safetensors"), root_ / "models/vae/small.safetensors");
  const library::Folders copy = folders;
  EXPECT_TRUE(copy.built_in("checkpoints", "a.safetensors"));
  EXPECT_FALSE(copy.built_in("checkpoints", "z.safetensors"));
  EXPECT_FALSE(copy.built_in("vae", "small.safetensors"));
  EXPECT_FALSE(copy.built_in("vae", "none.safetensors"));
  // Nothing else is there: all names are theirs.
  library::Folders only;
  only.add_built_in(root_ / "built_in");
  EXPECT_EQ(only.find("vae", "small.safetensors"), root_ / "built_in/vae/small.safetensors");
}

TEST_F(FoldersTest, NamesCannotLeaveTheirFolder) {
  put("checkpoints/a.safetensors");
  put("vae/secret.safetensors");
  const library::Folders folders(root_);
  for (const std::string& name : std::vector<std::string>{"../vae/secret.safetensors", "x/../../vae/secret.safetensors",
                                                          (root_ / "vae/secret.safetensors").string(), "", "."})
    EXPECT_FALSE(folders.try_find("checkpoints", name)) << name;
  EXPECT_FALSE(folders.try_find("checkpoints", std::string_view("a.safetensors\0x", 15)));
  // A link the owner placed is followed.
  fs::create_symlink(root_ / "vae/secret.safetensors", root_ / "checkpoints/link.safetensors");
  EXPECT_TRUE(folders.try_find("checkpoints", "link.safetensors"));
}

TEST_F(FoldersTest, LinksInCirclesEnd) {
  put("checkpoints/a.safetensors");
  fs::create_directory_symlink(root_ / "checkpoints", root_ / "checkpoints/again");
  fs::create_directory_symlink(root_, root_ / "checkpoints/above");
  EXPECT_EQ(library::Folders(root_).list("checkpoints"), std::vector<std::string>{"a.safetensors"});
}

// What a workflow says of a file in a folder that has two names.
TEST_F(FoldersTest, AFileIsListedOnceAndFoundUnderItsOtherName) {
  put("checkpoints/sd15/a.safetensors");
  fs::create_directory_symlink(root_ / "checkpoints/sd15", root_ / "checkpoints/old");
  const library::Folders folders(root_);
  EXPECT_EQ(folders.list("checkpoints"), std::vector<std::string>{"sd15/a.safetensors"});
  EXPECT_TRUE(folders.has("checkpoints", "old/a.safetensors"));
  EXPECT_FALSE(folders.has("checkpoints", "old/b.safetensors"));
  put("checkpoints/notes.txt");
  EXPECT_FALSE(folders.has("checkpoints", "notes.txt"));
}

TEST_F(FoldersTest, NamesThatAreNotUtf8AreNotListed) {
  put("checkpoints/a.safetensors");
  put("checkpoints/\xFF\xFE.safetensors");
  put("checkpoints/\xFF/b.safetensors");
  EXPECT_EQ(library::Folders(root_).list("checkpoints"), std::vector<std::string>{"a.safetensors"});
}

TEST_F(FoldersTest, ChangesAreSeen) {
  put("checkpoints/sub/a.safetensors");
  const library::Folders folders(root_);
  using Names = std::vector<std::string>;
  EXPECT_EQ(folders.list("checkpoints"), Names{"sub/a.safetensors"});
  put("checkpoints/sub/b.safetensors");  // at once: in the same tick of the file system's clock
  EXPECT_EQ(folders.list("checkpoints"), (Names{"sub/a.safetensors", "sub/b.safetensors"}));
  usleep(100000);
  EXPECT_EQ(folders.list("checkpoints").size(), 2u);
  fs::remove(root_ / "checkpoints/sub/a.safetensors");
  EXPECT_EQ(folders.list("checkpoints"), Names{"sub/b.safetensors"});
  fs::remove_all(root_ / "checkpoints");
  EXPECT_TRUE(folders.list("checkpoints").empty());
  put("checkpoints/c.safetensors");
  EXPECT_EQ(folders.list("checkpoints"), Names{"c.safetensors"});
}

TEST_F(FoldersTest, ManyAskAtOnce) {
  for (int i = 0; i < 500; ++i) put("loras/" + std::to_string(i) + ".safetensors");
  const library::Folders folders(root_);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i)
        if (folders.list("loras").size() != 500) ++wrong;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ExtraPaths, UnknownLinesAreNamed) {
  for (const char* text : {"a:\n  checkpoints\n", "a: b\n", "a:\n  vae: \"x\n", "a:\n  is_default: maybe\n"}) {
    try {
      library::parse_extra_paths(text, "/");
      FAIL() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.fault(), Fault::kBadFile);
      EXPECT_TRUE(e.message().starts_with("line ")) << e.message();
    }
  }
  EXPECT_TRUE(library::parse_extra_paths("# nothing\n\nempty:\n", "/").empty());
  const auto list = library::parse_extra_paths("a:\n  vae:\n    - x\n    - 'y z'\n", "/base");
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1].folder, "/base/y z");
}

TEST(FileIdentity, ChangesWithTheFile) {
  const fs::path path = fs::temp_directory_path() / ("easel-identity-" + std::to_string(getpid()));
  write_file(path, "a");
  const FileVersion before = file_version(path);
  write_file(path, "ab");
  EXPECT_NE(file_version(path), before);
  fs::remove(path);
  EXPECT_FALSE(file_version(path));
}

}  // namespace
}  // namespace easel::models
