#include "server/jobs/failure.h"

#include <new>

namespace easel::server {

Failure current_failure() {
  try {
    throw;
  } catch (const Error& e) {
    return {e.fault(), e.what()};
  } catch (const std::bad_alloc&) {
    return {Fault::kMemory, "out of memory"};
  } catch (const std::exception& e) {
    return {Fault::kInternal, e.what()};
  } catch (...) {
    return {Fault::kInternal, "something was thrown that is no exception"};
  }
}

}  // namespace easel::server
