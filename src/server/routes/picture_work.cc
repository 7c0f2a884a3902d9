#include "server/routes/picture_work.h"

#include <string>

#include "base/cancel.h"
#include "base/error.h"

namespace easel::server {
namespace {

constexpr size_t kBytesPerPixel = 12;               // three colours, alpha, both again, and what is written
constexpr size_t kSmallPicture = size_t{64} << 20;  // is among what the budget leaves for small things

}  // namespace

Router::Handler picture_handler(Services& services, Response (*work)(const Services&, const Request&)) {
  return services.pictures_pool.handler([&services, work](Request& request) {
    const CancelScope cancel(services.stopping);
    try {
      return work(services, request);
    } catch (const Error& e) {
      if (e.fault() != Fault::kCancelled) throw;
      return Response::error(503, "stopping", "the server stops");
    }
  });
}

void check_pixels(const Services& services, int64_t pixels) {
  const size_t bytes = static_cast<size_t>(pixels) * kBytesPerPixel, budget = services.runner.stats().memory_budget;
  if (bytes <= kSmallPicture || budget == 0 || bytes <= budget / 4) return;
  throw Error(Fault::kMemory, "the picture takes " + std::to_string(bytes >> 20) +
                                  " MiB as it is decoded, more than the " + std::to_string(budget >> 22) +
                                  " MiB, a quarter of the memory budget, that requests may take")
      .fix("Use a smaller picture, or allow more with --memory-budget");
}

}  // namespace easel::server
