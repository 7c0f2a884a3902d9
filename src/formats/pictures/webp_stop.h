// Lets libwebp's encoder look at whether it is to stop.
#pragma once

#include <webp/encode.h>

#include <exception>

#include "base/cancel.h"

namespace easel::formats {

// Must outlive the encoding of the picture. The library is C: what is thrown in its call back is kept until it is back.
class WebpStop {
 public:
  explicit WebpStop(WebPPicture& picture) {
    picture.progress_hook = goes_on;
    picture.user_data = this;
  }
  WebpStop(const WebpStop&) = delete;
  WebpStop& operator=(const WebpStop&) = delete;

  // Throws Error(kCancelled) if that is why the encoder stopped.
  void raise() const {
    if (why_) std::rethrow_exception(why_);
  }

 private:
  static int goes_on(int /*percent*/, const WebPPicture* picture) {
    try {
      poll_cancelled();
      return 1;
    } catch (...) {
      static_cast<WebpStop*>(picture->user_data)->why_ = std::current_exception();
      return 0;
    }
  }

  std::exception_ptr why_;
};

}  // namespace easel::formats
