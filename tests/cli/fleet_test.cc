// `easel serve --store`, `easel runner` and `easel fleet` as they are started and used by people, at a real PostgreSQL.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "base/error.h"
#include "command.h"
#include "formats/pictures/picture.h"
#include "server/http/http_client.h"
#include "server/postgres_server.h"
#include "server/s3_server.h"
#include "workflow/json.h"

namespace easel::cli {
namespace {

namespace fs = std::filesystem;
using testing::Workplace;
using workflow::Json;

class FleetCommands : public ::testing::Test {
 protected:
  void SetUp() override {
    EASEL_NEEDS_POSTGRES();
    store_ = server::testing::shared_postgres().new_database();
    person_.put("flow.json", R"({
      "1": {"class_type": "EmptyImage", "inputs": {"width": 24, "height": 16, "batch_size": 1, "color": 255}},
      "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}}})");
  }
  // `easel COMMAND --store ... ARGUMENTS...` in a place of its own; returns when it is ready.
  Workplace& start(const std::string& name, std::vector<std::string> arguments) {
    Workplace& place = *places_.emplace_back(std::make_unique<Workplace>("fleet-" + name));
    arguments.insert(arguments.end(), {"--store", store_, "--name", name});
    place.start(arguments);
    place.wait_for("\n");
    return place;
  }
  static std::string url_of(const Workplace& front) {
    const std::string out = front.get("stdout");
    return out.substr(out.find("http"), out.find('\n') - out.find("http"));
  }
  // Has a job computed through a front end; the name of its picture.
  std::string job_at(const std::string& url) {
    const auto end = person_.run({"queue", "add", "flow.json", "--wait", "--server", url});
    EXPECT_EQ(end.code, 0) << end.err;
    const std::string mark = "output: ";
    const size_t begin = end.out.find(mark);
    if (begin == std::string::npos) return {};
    return end.out.substr(begin + mark.size(), end.out.find('\n', begin) - begin - mark.size());
  }
  Json fleet_at(const std::string& url) {
    const auto shown = person_.run({"fleet", "--json", "--server", url});
    EXPECT_EQ(shown.code, 0) << shown.err;
    return Json::parse(shown.out);
  }
  static bool shows_picture(const std::string& url, const std::string& name) {
    const auto answer = server::HttpClient(url, "").get("/view?filename=" + name);
    if (answer.status != 200) return false;
    const auto raster =
        formats::decode_raster({reinterpret_cast<const uint8_t*>(answer.body.data()), answer.body.size()});
    return raster.width == 24 && raster.height == 16;
  }
  // Files below a folder.
  static int files_in(const fs::path& folder) {
    int n = 0;
    std::error_code none;
    for (const auto& entry : fs::recursive_directory_iterator(folder, none)) n += entry.is_regular_file();
    return n;
  }

  Workplace person_{"fleet-person"};
  std::string store_;
  std::vector<std::unique_ptr<Workplace>> places_;
};

TEST_F(FleetCommands, AFrontEndMayComputeAsWell) {
  EXPECT_EQ(person_.run({"serve", "--run", "--port", "0"}).code, exit_code(Fault::kUsage));
  Workplace& front = start("both", {"serve", "--run", "--port", "0"});
  const std::string url = url_of(front);
  EXPECT_TRUE(shows_picture(url, job_at(url)));
  EXPECT_EQ(files_in(front.folder() / "user" / "artifacts"), 1);
  const Json fleet = fleet_at(url);
  ASSERT_EQ(fleet["runners"].size(), 1u);
  EXPECT_EQ(fleet["runners"][0]["name"], "both");
  EXPECT_EQ(fleet["front_ends"].size(), 1u);
  const auto table = person_.run({"fleet", "--server", url});
  EXPECT_NE(table.out.find("front end both at " + url), std::string::npos) << table.out;

  // It leaves the fleet, which another front end sees; without --run nobody computes.
  front.send(SIGTERM);
  EXPECT_EQ(front.finish().code, 0);
  const std::string other = url_of(start("idle", {"serve", "--port", "0"}));
  const Json left = fleet_at(other);
  EXPECT_TRUE(left["runners"].empty()) << left;
  EXPECT_EQ(left["front_ends"].size(), 1u) << left;
}

// Contents in a folder that all have: no machine calls another.
TEST_F(FleetCommands, AFolderForPicturesMayBeShared) {
  const std::string shared = (person_.folder() / "shared").string();
  Workplace& a = start("a", {"serve", "--port", "0", "--artifacts", shared});
  Workplace& b = start("b", {"serve", "--port", "0", "--artifacts", shared});
  Workplace& runner = start("r", {"runner", "--artifacts", shared});
  const std::string name = job_at(url_of(a));
  EXPECT_TRUE(shows_picture(url_of(a), name));
  EXPECT_TRUE(shows_picture(url_of(b), name));
  EXPECT_EQ(files_in(shared), 1);
  EXPECT_EQ(files_in(runner.folder() / "runner-cache" / "contents"), 0);
  for (const Workplace* front : {&a, &b}) EXPECT_FALSE(fs::exists(front->folder() / "user" / "artifacts"));
  EXPECT_TRUE(shows_picture(url_of(a), job_at(url_of(b))));
  runner.send(SIGTERM);
  EXPECT_EQ(runner.finish().code, 0);

  const auto nowhere = person_.run({"runner", "--store", store_, "--name", "lost"});
  EXPECT_EQ(nowhere.code, exit_code(Fault::kUsage));
  EXPECT_NE(nowhere.err.find("--artifacts"), std::string::npos) << nowhere.err;
}

// Sets variables of the environment, which the programs of a test get.
class Variables {
 public:
  explicit Variables(const std::map<std::string, std::string>& values) : values_(values) {
    for (const auto& [name, value] : values_) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Variables() {
    for (const auto& [name, value] : values_) unsetenv(name.c_str());
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  const std::map<std::string, std::string> values_;
};

TEST_F(FleetCommands, PicturesMayBeInABucket) {
  using server::testing::S3Server;
  S3Server bucket;
  std::map<std::string, std::string> key{{"AWS_ENDPOINT_URL", bucket.url()},
                                         {"AWS_REGION", S3Server::kRegion},
                                         {"AWS_ACCESS_KEY_ID", S3Server::kKeyId},
                                         {"AWS_SECRET_ACCESS_KEY", S3Server::kSecret}};
  const auto contents = [&] {
    int n = 0;
    for (const auto& [name, object] : bucket.objects()) n += name.starts_with("easel/") && object.content != "easel";
    return n;
  };
  {
    const Variables variables(key);
    Workplace& a = start("a", {"serve", "--port", "0", "-v", "--artifacts", "s3://pictures/easel"});
    Workplace& b = start("b", {"serve", "--port", "0", "-v", "--artifacts", "s3://pictures/easel"});
    Workplace& runner = start("r", {"runner", "-v", "--artifacts", "s3://pictures/easel"});
    const std::string name = job_at(url_of(a));
    EXPECT_EQ(contents(), 1);
    EXPECT_TRUE(shows_picture(url_of(a), name));
    EXPECT_TRUE(shows_picture(url_of(b), name));
    EXPECT_EQ(files_in(runner.folder() / "runner-cache" / "contents"), 1);
    EXPECT_EQ(files_in(b.folder() / "user" / "copies"), 1);
    for (Workplace* machine : {&a, &b, &runner}) {
      EXPECT_FALSE(fs::exists(machine->folder() / "user" / "artifacts"));
      machine->send(SIGTERM);
      const auto end = machine->finish();
      EXPECT_EQ(end.code, 0);
      EXPECT_EQ((end.out + end.err).find(S3Server::kSecret), std::string::npos);
    }
  }
  key["AWS_SECRET_ACCESS_KEY"] = "not-that-one";
  const Variables variables(key);
  for (const char* command : {"runner", "serve"}) {
    const auto refused = person_.run({command, "--store", store_, "--name", "lost", "--artifacts", "s3://pictures"});
    EXPECT_EQ(refused.code, exit_code(Fault::kUsage));
    EXPECT_NE(refused.err.find("AWS_SECRET_ACCESS_KEY is not its secret"), std::string::npos) << refused.err;
  }
  const auto alone = person_.run({"serve", "--artifacts", "s3://pictures"});
  EXPECT_EQ(alone.code, exit_code(Fault::kUsage));
  EXPECT_NE(alone.err.find("--store"), std::string::npos) << alone.err;
}

}  // namespace
}  // namespace easel::cli
