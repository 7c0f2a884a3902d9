#include "server/routes/picture_work.h"

#include <string>

#include "base/cancel.h"
#include "base/error.h"

namespace easel::server {
namespace {

constexpr size_t kBytesPerPixel = 12;               // three colours, alpha, both again, and what is written
constexpr size_t kSmallPicture = size_t{64} << 20;  // is among what the budget leaves for small things

size_t bytes_for(const Services& s, int64_t pixels) {
  const size_t bytes = static_cast<size_t>(pixels) * kBytesPerPixel;
  const RunnerStats held = s.runner.stats();
  const size_t in_use = held.model_bytes + held.result_bytes + claimed_memory();
  if (bytes > kSmallPicture && held.memory_budget > 0 && in_use + bytes > held.memory_budget)
    throw Error(Fault::kMemory, "the picture takes " + std::to_string(bytes >> 20) + " MiB besides the " +
                                    std::to_string(in_use >> 20) + " MiB in use, more than the memory budget of " +
                                    std::to_string(held.memory_budget >> 20) + " MiB")
        .fix("Use a smaller picture, free memory (POST /free), or allow more with --memory-budget");
  return bytes;
}

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

MemoryClaim room_for_pixels(const Services& services, int64_t pixels) {
  return MemoryClaim(bytes_for(services, pixels));
}

}  // namespace easel::server
