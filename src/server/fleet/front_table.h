// The front ends of a fleet: their addresses, and who listens where.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "server/fleet/relay_hub.h"

namespace easel::server {

// Thread-safe. Throws as the job store does.
class FrontTable {
 public:
  static constexpr std::chrono::seconds kAliveFor{15};  // since publish(), after which a front end counts as gone

  virtual ~FrontTable() = default;
  // Enters a front end, or says what has changed. To be repeated every few seconds.
  virtual void publish(const FrontEnd& front) = 0;
  virtual void leave(const std::string& name) = 0;
  // Those that are alive.
  virtual std::vector<FrontEnd> all() const = 0;

  // Asks all runners to let go of models, or of kept results; they look at the counts every few seconds.
  virtual void ask_to_free(bool models, bool results) = 0;
  struct Asked {
    int64_t models = 0, results = 0;  // how often it has been asked for
    bool operator==(const Asked&) const = default;
  };
  virtual Asked asked_to_free() const = 0;
};

}  // namespace easel::server
