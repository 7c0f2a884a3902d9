// A build without libcurl's headers: no machine calls another.
#include "base/error.h"
#include "server/fleet/link.h"

namespace easel::server {

struct Link::Handles {};

bool is_link_url(const std::string&) { return true; }

void check_link_url(const std::string&) {
  throw Error(Fault::kUnsupported, "this build of Easel cannot call other machines of a fleet")
      .fix(
          "Build it with libcurl's headers (Debian: libcurl4-openssl-dev), or let all share a folder with --artifacts");
}

Link::Link(std::string url, std::string) { check_link_url(url); }
Link::Link(std::string url, S3Key) { check_link_url(url); }
Link::~Link() = default;
LinkAnswer Link::call(const char*, const std::string&, std::string_view, const LinkLimits&,
                      const std::vector<std::string>&) {
  return {};
}

}  // namespace easel::server
