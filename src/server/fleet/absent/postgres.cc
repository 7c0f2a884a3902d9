// A build without libpq: no fleets.
#include "base/error.h"
#include "server/fleet/site.h"

namespace easel::server {

std::unique_ptr<Site> open_site(const SiteOptions&) {
  throw Error(Fault::kUnsupported, "this build of Easel knows no databases, so it cannot be part of a fleet")
      .fix("Build it with libpq's headers (Debian: libpq-dev)");
}

}  // namespace easel::server
