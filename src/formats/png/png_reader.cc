#include "formats/png/png_reader.h"

#include <cstring>
#include <string>

#include "base/error.h"

namespace easel::formats {
namespace {

constexpr size_t kMaxText = size_t{32} << 20;  // of one text chunk, after inflating

// Names of chunks to ignore, each terminated by a zero: those that are never used, and texts while pixels are decoded.
constexpr png_byte kIgnored[] = "iCCP\0sPLT\0tEXt\0zTXt\0iTXt\0eXIf";

}  // namespace

void bad_png(const char* message) { throw Error(Fault::kBadFile, std::string("damaged PNG picture: ") + message); }

void png_failed(png_structp png, png_const_charp message) {
  auto* failure = static_cast<PngFailure*>(png_get_error_ptr(png));
  std::strncpy(failure->message, message, sizeof failure->message - 1);
  png_longjmp(png, 1);
}

// Delegates, so that the destructor runs also when reading the first chunks fails.
PngReader::PngReader(std::span<const uint8_t> bytes, PngWanted wanted) : PngReader(bytes, Created{}) {
  const bool good = run([this, ignored = wanted == PngWanted::kText ? 2 : 6] {
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, kIgnored, ignored);
    png_set_read_fn(png_, &rest_, on_read);
    png_set_chunk_malloc_max(png_, kMaxText);
    png_set_user_limits(png_, 1 << 20, 1 << 20);
    png_set_crc_action(png_, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_read_info(png_, info_);
  });
  if (!good) bad_png(failure_.message);
}

PngReader::PngReader(std::span<const uint8_t> bytes, Created) : rest_(bytes) {
  png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &failure_, png_failed, png_ignored);
  if (png_) info_ = png_create_info_struct(png_);
  if (info_) return;
  png_destroy_read_struct(&png_, nullptr, nullptr);
  throw Error(Fault::kMemory, "out of memory for the PNG decoder");
}

void PngReader::on_read(png_structp png, png_bytep out, size_t bytes) {
  auto* rest = static_cast<std::span<const uint8_t>*>(png_get_io_ptr(png));
  if (bytes > rest->size()) png_error(png, "it ends too early");
  std::memcpy(out, rest->data(), bytes);
  *rest = rest->subspan(bytes);
}

}  // namespace easel::formats
