// Requests nobody should send, each with what it must be answered with.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "formats/pictures/raster.h"
#include "server/test_server.h"

namespace easel::server {
namespace {

using testing::Answer;
using testing::http;
using testing::RawConnection;
using testing::request_text;
using testing::TestServer;

namespace fs = std::filesystem;

std::string small_png() {
  const std::vector<uint8_t> pixels(4 * 4 * 3, 90);
  return formats::encode_png(pixels, 4, 4, 3, {}, 1);
}

void put(const fs::path& file, const std::string& content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

class Hostile : public ::testing::Test {
 protected:
  Hostile()
      : s([](ServerOptions& o) {
          o.http.max_body = 1 << 16;
          o.http.max_upload = 1 << 18;
          o.http.header_seconds = 1;
          o.http.stall_seconds = 1;
          o.start_paused = true;
        }) {
    const fs::path& root = s.folder.path();
    put(root / "secret.txt", "secret");
    put(root / "output" / "good.png", small_png());
    put(root / "output" / "sub" / "good.png", small_png());
    put(root / "output" / ".hidden.png", small_png());
    put(root / "output" / "page.html", "<script>alert(1)</script>");
    put(root / "output" / "page.png", "<script>alert(1)</script>");
    put(root / "output" / "drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>");
    put(root / "models" / "checkpoints" / "bad.safetensors", std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F{}", 10));
    put(root / "outside" / "x.png", small_png());
    fs::create_symlink(root / "secret.txt", root / "output" / "link.txt");
    fs::create_symlink(root / "outside", root / "output" / "linked");
    fs::create_symlink(root / "outside", root / "input" / "linked");
  }

  // Status of a request sent byte by byte as given.
  int raw(const std::string& bytes, double seconds = 5) {
    RawConnection connection(s.port);
    connection.send(bytes);
    connection.finish_sending();
    return connection.read_answer(false, seconds).status;
  }
  void still_works() { EXPECT_EQ(testing::get(s.port, "/healthz").status, 200); }

  TestServer s;
};

struct Case {
  int status;
  std::string request;
};

TEST_F(Hostile, Framing) {
  const std::string host = "Host: localhost\r\n";
  const Case cases[] = {
      {400, "GARBAGE\r\n\r\n"},
      {400, "GET\r\n\r\n"},
      {400, "GET / HTTP/9.9\r\n" + host + "\r\n"},
      {400, "GET / HTTQ/1.1\r\n" + host + "\r\n"},
      {400, "GET / HTTP/1.1\r\nHost localhost\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},                                 // no Host
      {400, "GET / HTTP/1.1\r\n" + host + host + "\r\n"},              // two
      {403, "GET / HTTP/1.0\r\n\r\n"},                                 // old, but to whom?
      {400, "GET http://evil.example/ HTTP/1.1\r\n" + host + "\r\n"},  // a proxy request
      {400, "GET * HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET /%zz HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET /%00 HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET /view?filename=%00.png HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET /a b HTTP/1.1\r\n" + host + "\r\n"},
      {400, std::string("GET /\0 HTTP/1.1\r\n", 17) + host + "\r\n"},
      {431, "GET / HTTP/1.1\r\n" + host + "X: " + std::string(40000, 'a') + "\r\n\r\n"},
      {431, "GET /" + std::string(40000, 'a') + " HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "X: a\nb\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "Bad Name: x\r\n\r\n"},
      {400, "POST /prompt HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n"},
      {400, "POST /prompt HTTP/1.1\r\n" + host + "Content-Length: abc\r\n\r\n"},
      {400, "POST /prompt HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999\r\n\r\n"},
      {400, "POST /prompt HTTP/1.1\r\n" + host + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"},
      {400, "POST /prompt HTTP/1.1\r\n" + host + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {400, "POST /prompt HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"},
      {400, "POST /prompt HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n"},
      {400,
       "POST /prompt HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"},
      {413, "POST /prompt HTTP/1.1\r\n" + host + "Content-Length: 9999999999\r\n\r\n"},
      {413, "POST /prompt HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n20000\r\n" +
                std::string(0x20000, ' ') + "\r\n0\r\n\r\n"},
      {413, "POST /upload/image HTTP/1.1\r\n" + host + "Content-Length: 300000\r\n\r\n"},
      {0, "POST /prompt HTTP/1.1\r\n" + host + "Content-Length: 100\r\n\r\n{}"},  // ends before its body does
      {400, "GET / HTT"},
      {0, ""},
  };
  for (const Case& c : cases) EXPECT_EQ(raw(c.request), c.status) << c.request.substr(0, 200);
  still_works();
}

TEST_F(Hostile, WhoAsks) {
  const auto with = [&](const std::string& headers) {
    return raw("POST /prompt HTTP/1.1\r\n" + headers + "Content-Length: 2\r\n\r\n{}");
  };
  EXPECT_EQ(with("Host: evil.example\r\n"), 403);
  EXPECT_EQ(with("Host: localhost.evil.example\r\n"), 403);
  EXPECT_EQ(with("Host: 10.0.0.1\r\n"), 403);
  EXPECT_EQ(with("Host: localhost\r\nOrigin: http://evil.example\r\n"), 403);
  EXPECT_EQ(with("Host: localhost\r\nOrigin: null\r\n"), 403);
  EXPECT_EQ(with("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"), 403);
  EXPECT_EQ(with("Host: localhost\r\nOrigin: http://localhost\r\n"), 400);  // may ask, but asks for nothing
  EXPECT_EQ(raw("OPTIONS /prompt HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n\r\n"), 403);
  EXPECT_EQ(raw("GET /ws HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
            403);
  EXPECT_EQ(
      raw("GET /ws HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n"
          "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
      403);
}

TEST_F(Hostile, Routes) {
  const struct {
    int status;
    const char *method, *target;
  } cases[] = {
      {404, "GET", "/nothing"},
      {404, "GET", "/manager/version"},
      {404, "POST", "/nothing"},
      {404, "GET", "/../../etc/passwd"},
      {404, "GET", "/%2e%2e/%2e%2e/etc/passwd"},
      {404, "GET", "/..%2f..%2fetc%2fpasswd"},
      {404, "GET", "/index.html/../../secret.txt"},
      {405, "DELETE", "/prompt"},
      {405, "PUT", "/queue"},
      {405, "GET", "/interrupt"},
      {405, "TRACE", "/queue"},
      {405, "POST", "/ws"},
      {426, "GET", "/ws"},
      {400, "GET", "/history?max_items=many"},
      {400, "GET", "/history?offset=99999999999999"},
      {200, "GET", "/history?max_items=-5"},
      {200, "GET", "/history/%22%7D"},
      {404, "GET", "/models/..%2f.."},
      {200, "GET", "/object_info/%3Cscript%3E"},
      {400, "GET", "/internal/files/models"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(http(s.port, c.method, c.target).status, c.status) << c.method << " " << c.target;
  EXPECT_EQ(http(s.port, "HEAD", "/healthz").status, 200);
}

TEST_F(Hostile, FileNames) {
  const struct {
    int status;
    const char* query;
  } cases[] = {
      {200, "filename=good.png"},
      {200, "filename=good.png&subfolder=sub"},
      {200, "filename=good.png+%5Boutput%5D&type=input"},
      {404, ""},
      {404, "filename="},
      {404, "filename=none.png"},
      {404, "filename=sub"},
      {400, "filename=../secret.txt"},
      {400, "filename=..%2f..%2fetc%2fpasswd"},
      {400, "filename=%2fetc%2fpasswd"},
      {400, "filename=sub/../../secret.txt"},
      {400, "filename=good.png&subfolder=.."},
      {400, "filename=secret.txt&subfolder=sub%2f..%2f.."},
      {400, "filename=passwd&subfolder=%2fetc"},
      {400, "filename=..%5csecret.txt"},
      {400, "filename=good.png&type=models"},
      {400, "filename=good.png&type=.."},
      {404, "filename=good.png&type=temp"},
      {404, "filename=link.txt"},                // a link out of the folder
      {404, "filename=x.png&subfolder=linked"},  // and a linked folder
      {404, "filename=.hidden.png"},
      {400, "filename=%ff%fe.png"},  // not UTF-8
      {400, "filename=a%0ab.png"},
      {400, "filename=page.png&preview=webp;90"},  // not a picture
      {400, "filename=page.png&channel=rgb"},
      {400, "filename=good.png&channel=zz"},
      {200, "filename=good.png&preview=webp;999999999999"},
      {200, "filename=good.png&preview=%3Cscript%3E"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(testing::get(s.port, std::string("/view?") + c.query).status, c.status) << c.query;
  EXPECT_EQ(testing::get(s.port, "/view_metadata/checkpoints?filename=bad.safetensors").status, 400);
  EXPECT_EQ(testing::get(s.port, "/view_metadata/checkpoints?filename=../../secret.safetensors").status, 400);
  EXPECT_EQ(testing::get(s.port, "/view_metadata/..?filename=secret.safetensors").status, 404);
  EXPECT_EQ(testing::get(s.port, "/view_metadata/checkpoints?filename=secret.txt").status, 404);
}

TEST_F(Hostile, NothingActiveIsServed) {
  for (const char* name : {"page.html", "page.png", "drawing.svg"}) {
    const Answer answer = testing::get(s.port, std::string("/view?filename=") + name);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("content-type"), "application/octet-stream") << name;
    EXPECT_TRUE(answer.headers.at("content-disposition").starts_with("attachment")) << name;
    EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
    EXPECT_NE(answer.headers.at("content-security-policy").find("sandbox"), std::string::npos);
  }
  EXPECT_EQ(testing::get(s.port, "/view?filename=good.png").headers.at("content-type"), "image/png");
}

TEST_F(Hostile, Uploads) {
  const std::string png = small_png();
  const auto upload = [&](const std::string& name, const std::string& content,
                          const std::map<std::string, std::string>& fields = {}) {
    return testing::upload(s.port, "/upload/image", name, content, fields);
  };
  const auto name_of = [](const Answer& a) { return testing::Json::parse(a.body)["name"].get<std::string>(); };
  EXPECT_EQ(upload("a.png", "<script>").status, 400);
  EXPECT_EQ(upload("a.png", png.substr(0, png.size() / 2)).status, 400);
  EXPECT_EQ(upload("a.png", "").status, 400);
  EXPECT_EQ(upload("a.gif", "GIF89a\x01").status, 400);
  EXPECT_EQ(upload("", png).status, 400);
  EXPECT_EQ(upload("page.html", png).status, 400);
  EXPECT_EQ(upload("drawing.svg", png).status, 400);
  EXPECT_EQ(upload("gnp.\xE2\x80\xAE"
                   "html.png",
                   png)
                .status,
            400);  // shown from right to left
  EXPECT_EQ(name_of(upload("blob", png)), "blob.png");
  EXPECT_EQ(upload("...", png).status, 400);
  EXPECT_EQ(upload("a.png", png, {{"type", "models"}}).status, 400);
  EXPECT_EQ(upload("a.png", png, {{"subfolder", ".."}}).status, 400);
  EXPECT_EQ(upload("a.png", png, {{"subfolder", "/tmp"}}).status, 400);
  EXPECT_EQ(upload("a.png", png, {{"subfolder", "linked"}}).status, 404);
  EXPECT_EQ(upload("a.png", png, {{"subfolder", "linked/deeper"}}).status, 404);
  EXPECT_EQ(upload("a.png", png, {{"subfolder", ".git"}}).status, 404);
  EXPECT_EQ(name_of(upload("../../evil.png", png)), "evil.png");
  EXPECT_EQ(name_of(upload("C:\\\\x\\\\win.png", png)), "win.png");
  EXPECT_EQ(name_of(upload(".htaccess.png", png)), "htaccess.png");
  EXPECT_EQ(name_of(upload("a<b>|c?.png", png)), "a_b__c_.png");
  EXPECT_EQ(name_of(upload(std::string(500, 'x') + ".png", png)).size(), 200u);
  EXPECT_TRUE(fs::exists(s.folder.path() / "input" / "evil.png"));
  EXPECT_FALSE(fs::exists(s.folder.path() / "evil.png"));
  EXPECT_FALSE(fs::exists(s.folder.path() / "outside" / "a.png"));
  // Not a form at all.
  EXPECT_EQ(testing::post(s.port, "/upload/image", "{}").status, 400);
  EXPECT_EQ(http(s.port, "POST", "/upload/image", "x", "Content-Type: multipart/form-data; boundary=B\r\n").status,
            400);
  const auto mask = [&](const std::string& reference) {
    return testing::upload(s.port, "/upload/mask", "m.png", png, {{"original_ref", reference}}).status;
  };
  EXPECT_EQ(mask(""), 400);
  EXPECT_EQ(mask("{"), 400);
  EXPECT_EQ(mask("[]"), 400);
  EXPECT_EQ(mask(R"({"filename":7})"), 400);
  EXPECT_EQ(mask(R"({"filename":"../secret.txt"})"), 400);
  EXPECT_EQ(mask(R"({"filename":"link.txt"})"), 404);
  EXPECT_EQ(mask(R"({"filename":"page.html"})"), 400);
  EXPECT_EQ(mask(R"({"filename":"good.png"})"), 200);
  // Bodies were streamed through the temp folder; nothing of them is left.
  EXPECT_TRUE(fs::is_empty(s.folder.path() / "temp"));
}

TEST_F(Hostile, APictureFullOfText) {
  const std::vector<uint8_t> pixels(4 * 4 * 3, 90);
  const auto with = [&](size_t bytes) {
    return formats::encode_png(pixels, 4, 4, 3, {{"x", std::string(bytes, 'a')}}, 1);
  };
  TestServer large;
  EXPECT_EQ(testing::upload(large.port, "/upload/image", "a.png", with(1 << 20)).status, 200);
  EXPECT_EQ(testing::upload(large.port, "/upload/image", "b.png", with(17 << 20)).status, 400);
}

TEST(HostileQuota, TheInputFolderIsBounded) {
  TestServer t([](ServerOptions& o) { o.input_quota = 4096; });
  EXPECT_EQ(testing::upload(t.port, "/upload/image", "a.png", small_png()).status, 200);
  put(t.folder.path() / "input" / "sub" / "large.bin", std::string(4096, 'x'));
  const Answer full = testing::upload(t.port, "/upload/image", "b.png", small_png());
  EXPECT_EQ(full.status, 507);
  EXPECT_NE(full.body.find("--input-quota"), std::string::npos) << full.body;
  EXPECT_EQ(testing::upload(t.port, "/upload/image", "b.png", small_png(), {{"type", "temp"}}).status, 200);
}

TEST_F(Hostile, ErrorsDoNotSayWhereFilesLie) {
  const Answer answer = testing::get(s.port, "/view_metadata/checkpoints?filename=bad.safetensors");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("bad.safetensors"), std::string::npos) << answer.body;
  EXPECT_EQ(answer.body.find(s.folder.path().string()), std::string::npos) << answer.body;
}

TEST_F(Hostile, DamagedSettingsAreKeptAside) {
  const fs::path file = s.folder.path() / "user" / "default" / "comfy.settings.json";
  put(file, "{\"a\": 1");
  EXPECT_EQ(testing::get(s.port, "/settings").body, "{}");
  EXPECT_EQ(testing::post(s.port, "/settings/b", "2").status, 200);
  std::ifstream kept(file.string() + ".damaged");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), "{\"a\": 1");
  EXPECT_EQ(testing::Json::parse(testing::get(s.port, "/settings").body), testing::Json({{"b", 2}}));
}

// Each is allowed by itself; together they would be a file that is refused, and set aside, when it is read.
TEST_F(Hostile, SettingsThatCouldNotBeReadAgainAreRefused) {
  EXPECT_EQ(testing::post(s.port, "/settings/a", "1").status, 200);
  EXPECT_EQ(testing::post(s.port, "/settings/b", std::string(100, '[') + std::string(100, ']')).status, 400);
  testing::Json many = testing::Json::object();
  int sent = 0, refused = 0;
  for (int part = 0; part < 8; ++part) {
    for (int i = 0; i < 1000; ++i) many[std::to_string(sent++)] = 0;
    const int status = testing::post(s.port, "/settings", workflow::dump_json(many)).status;
    EXPECT_TRUE(status == 200 || status == 400) << status;
    refused += status == 400;
    many.clear();
  }
  EXPECT_EQ(refused, 5);  // 3,001 are kept, more than 4,000 are not
  EXPECT_EQ(testing::get(s.port, "/settings/a").body, "1");
  EXPECT_FALSE(fs::exists(s.folder.path() / "user" / "default" / "comfy.settings.json.damaged"));
}

// As on a full disk: the system refuses to write more.
TEST_F(Hostile, AnUploadThatTheDiskHasNoRoomFor) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{1 << 16, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const Answer answer = testing::upload(s.port, "/upload/image", "a.png", std::string(1 << 17, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(answer.status, 507) << answer.body;
  EXPECT_TRUE(fs::is_empty(s.folder.path() / "temp"));
  still_works();
}

TEST_F(Hostile, Bodies) {
  const auto prompt = [&](const std::string& body) { return testing::post(s.port, "/prompt", body).status; };
  std::string deep;
  for (int i = 0; i < 20000; ++i) deep += "[";
  EXPECT_EQ(prompt("{"), 400);
  EXPECT_EQ(prompt("[]"), 400);
  EXPECT_EQ(prompt("\"text\""), 400);
  EXPECT_EQ(prompt(deep), 400);
  EXPECT_EQ(prompt("{\"prompt\":" + deep), 400);
  EXPECT_EQ(prompt(R"({"prompt":null})"), 400);
  EXPECT_EQ(prompt(R"({"prompt":[1,2]})"), 400);
  EXPECT_EQ(prompt(R"({"prompt":{"1":7}})"), 400);
  EXPECT_EQ(prompt(R"({"prompt":{"1":{"class_type":"Save","inputs":[]}}})"), 400);
  EXPECT_EQ(prompt(R"({"prompt":{"1":{"class_type":"Save","inputs":{"images":["1",0],"prefix":"x"}}}})"), 400);
  EXPECT_EQ(prompt(R"({"prompt":{"1":{"class_type":"Save","inputs":{"images":["2",-1]}}}})"), 400);
  EXPECT_EQ(prompt(R"({"prompt":{"1":{"class_type":"\u0000\uD800","inputs":{}}}})"), 400);
  EXPECT_EQ(prompt("\x89PNG\r\n\x1A\nnot really"), 400);
  EXPECT_EQ(prompt("{\"nodes\":[{}],\"links\":[[1]],\"version\":0.4}"), 400);
  const testing::Json good = testing::toy_prompt(1);
  const auto with = [&](const char* key, const testing::Json& value) {
    return prompt(workflow::dump_json(testing::Json{{"prompt", good}, {key, value}}));
  };
  EXPECT_EQ(with("number", "first"), 400);
  EXPECT_EQ(with("number", 1e300), 400);
  EXPECT_EQ(with("prompt_id", std::string(1000, 'x')), 400);
  EXPECT_EQ(with("client_id", std::string(1000, 'x')), 400);
  EXPECT_EQ(with("extra_data", 7), 400);
  EXPECT_EQ(with("partial_execution_targets", "5"), 400);
  EXPECT_EQ(with("partial_execution_targets", testing::Json::array({"nobody"})), 400);
  EXPECT_EQ(testing::post(s.port, "/queue", R"({"delete":"all"})").status, 400);
  EXPECT_EQ(testing::post(s.port, "/queue", R"({"move":7})").status, 400);
  EXPECT_EQ(testing::post(s.port, "/queue", R"({"pause":"yes"})").status, 400);
  EXPECT_EQ(testing::post(s.port, "/history", R"({"delete":[7]})").status, 400);
  EXPECT_EQ(testing::post(s.port, "/history", "nonsense").status, 400);
  EXPECT_EQ(testing::post(s.port, "/free", "[1]").status, 400);
  EXPECT_EQ(testing::post(s.port, "/settings", "[]").status, 400);
  EXPECT_EQ(testing::post(s.port, "/settings/a", "{").status, 400);
  EXPECT_EQ(testing::post(s.port, "/userdata/..%2f..%2fx", "x").status, 400);
  EXPECT_EQ(testing::post(s.port, "/userdata/%252e%252e%252fx", "x").status, 400);
  EXPECT_EQ(testing::post(s.port, "/userdata/.profile", "x").status, 400);
  EXPECT_NE(testing::post(s.port, "/userdata/.profile", "x").body.find("dot"), std::string::npos);
  EXPECT_EQ(testing::post(s.port, "/userdata/a%E2%80%AEb", "x").status, 400);
  EXPECT_EQ(testing::post(s.port, "/userdata/%2fetc%2fx", "x").status, 400);
  EXPECT_EQ(testing::get(s.port, "/userdata?dir=..").status, 400);
  EXPECT_EQ(testing::Json::parse(testing::get(s.port, "/queue").body)["queue_pending"].size(), 0u);
}

TEST_F(Hostile, SlowClientsAreLetGo) {
  {
    RawConnection head(s.port);
    head.send("GET / HTTP/1.1\r\nHost: loc");
    EXPECT_EQ(head.read_answer(false, 8).status, 0);
  }
  {
    RawConnection body(s.port);
    body.send("POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{");
    EXPECT_EQ(body.read_answer(false, 8).status, 408);
  }
  {  // a byte now and then does not help
    RawConnection drip(s.port);
    drip.send("POST /prompt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{");
    int status = -1;
    std::thread reader([&] { status = drip.read_answer(false, 10).status; });
    for (int i = 0; i < 20 && drip.send(" "); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    reader.join();
    EXPECT_EQ(status, 408);
  }
  still_works();
}

TEST_F(Hostile, WebSocketFrames) {
  const auto closes = [&](const std::string& bytes) {
    testing::RawSocket socket(s.port);
    socket.next();
    socket.connection().send(bytes);
    return !socket.next(5).has_value();
  };
  EXPECT_TRUE(closes(std::string("\x81\x05hello", 7)));                                      // not masked
  EXPECT_TRUE(closes(std::string("\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\0\0\0\0", 14)));  // 2^63 bytes to come
  EXPECT_TRUE(closes(testing::RawSocket::frame(0x3, "reserved")));
  EXPECT_TRUE(closes(testing::RawSocket::frame(0x1, "\xFF\xFE not UTF-8")));
  testing::RawSocket socket(s.port);
  socket.next();
  for (const char* text : {"", "{", "[]", "7", R"({"type":7})", R"({"type":"feature_flags","data":7})"})
    socket.send_text(text);
  EXPECT_TRUE(socket.next(5).has_value());  // the answer to the last one
  still_works();
}

TEST(HostileToken, EverythingButLivenessNeedsIt) {
  TestServer s([](ServerOptions& o) {
    o.http.access.loopback_only = false;
    o.http.access.token = "0123456789abcdef";
  });
  for (const char* target : {"/", "/queue", "/view?filename=x", "/metrics", "/readyz", "/object_info", "/nothing"})
    EXPECT_EQ(testing::get(s.port, target).status, 401) << target;
  EXPECT_EQ(testing::get(s.port, "/healthz").status, 200);
  EXPECT_EQ(testing::get(s.port, "/queue?token=0123456789abcdeX").status, 401);
  EXPECT_EQ(testing::get(s.port, "/queue?token=0123456789abcdef").status, 200);
  EXPECT_EQ(http(s.port, "GET", "/queue", {}, "Authorization: Bearer 0123456789abcdef\r\n").status, 200);
  EXPECT_THROW(testing::RawSocket(s.port, "/ws"), std::runtime_error);
  EXPECT_NO_THROW(testing::RawSocket(s.port, "/ws?token=0123456789abcdef"));
  const auto login = testing::get(s.port, "/?token=0123456789abcdef");
  EXPECT_EQ(login.status, 303);
  EXPECT_EQ(login.headers.at("location"), "/");
  EXPECT_NE(login.headers.at("set-cookie").find("HttpOnly; SameSite=Strict"), std::string::npos);
  EXPECT_EQ(http(s.port, "GET", "/", {}, "Cookie: easel_token=0123456789abcdef\r\n").status, 200);
}

}  // namespace
}  // namespace easel::server
