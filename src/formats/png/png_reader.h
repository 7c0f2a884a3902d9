// libpng behind a class. It reports errors by longjmp, which must not skip C++ destructors: every call that can fail is
// made inside guarded(), whose callable owns no object with a destructor.
#pragma once

#include <png.h>

#include <csetjmp>
#include <cstdint>
#include <span>
#include <type_traits>

namespace easel::formats {

struct PngFailure {
  char message[160] = {};
};

[[noreturn]] void png_failed(png_structp png, png_const_charp message);
inline void png_ignored(png_structp, png_const_charp) {}

// Runs calls of libpng; false when one failed.
template <class Calls>
bool guarded(png_structp png, const Calls& calls) {
  static_assert(std::is_trivially_destructible_v<Calls>);
  if (setjmp(png_jmpbuf(png))) return false;
  calls();
  return true;
}

enum class PngWanted { kText, kPixels };

// Reads the chunks up to the pixels. Checksums are not looked at. Throws Error(kBadFile).
class PngReader {
 public:
  PngReader(std::span<const uint8_t> bytes, PngWanted wanted);
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  png_structp png() const { return png_; }
  png_infop info() const { return info_; }
  const char* why() const { return failure_.message; }
  template <class Calls>
  bool run(const Calls& calls) {
    return guarded(png_, calls);
  }

 private:
  struct Created {};
  PngReader(std::span<const uint8_t> bytes, Created);
  static void on_read(png_structp png, png_bytep out, size_t bytes);

  std::span<const uint8_t> rest_;
  PngFailure failure_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

[[noreturn]] void bad_png(const char* message);

}  // namespace easel::formats
