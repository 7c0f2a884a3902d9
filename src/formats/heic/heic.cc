// HEIC: pictures in HEVC, as telephones take them.
#include <libheif/heif.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <tuple>

#include "base/cancel.h"
#include "base/error.h"
#include "formats/heic/hevc_size.h"
#include "formats/pictures/decoders.h"
#include "formats/pictures/exif.h"
#include "formats/pictures/shared_library.h"

namespace easel::formats {
namespace {

using Bytes = std::span<const uint8_t>;

SharedLibrary kLibheif(EASEL_SONAME_HEIC, "HEIC");
EASEL_LIBRARY_FUNCTION(kLibheif, heif_context_alloc);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_context_free);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_context_get_image_handle);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_context_get_list_of_top_level_image_IDs);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_context_get_number_of_top_level_images);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_context_read_from_memory_without_copy);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_context_set_max_decoding_threads);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_decode_image);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_decoding_options_alloc);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_decoding_options_free);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_get_height);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_get_plane_readonly);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_get_width);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_handle_get_height);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_handle_get_list_of_metadata_block_IDs);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_handle_get_metadata);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_handle_get_metadata_size);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_handle_get_width);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_handle_has_alpha_channel);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_handle_release);
EASEL_LIBRARY_FUNCTION(kLibheif, heif_image_release);

constexpr int kMostPictures = 4096;
constexpr size_t kMostExif = size_t{64} << 20;

[[noreturn]] void bad(const std::string& message) { throw Error(Fault::kBadFile, "damaged HEIC picture: " + message); }

void check(const heif_error& error) {
  if (error.code == heif_error_Ok) return;
  if (error.code == heif_error_Memory_allocation_error && error.subcode == heif_suberror_Unspecified)
    throw Error(Fault::kMemory, "out of memory for the HEIC decoder");
  bad(error.message ? error.message : "it cannot be read");
}

struct Freer {
  void operator()(heif_context* c) const { heif_context_free(c); }
  void operator()(heif_image_handle* h) const { heif_image_handle_release(h); }
  void operator()(heif_image* i) const { heif_image_release(i); }
  void operator()(heif_decoding_options* o) const { heif_decoding_options_free(o); }
};
using Context = std::unique_ptr<heif_context, Freer>;
using Handle = std::unique_ptr<heif_image_handle, Freer>;
using Decoded = std::unique_ptr<heif_image, Freer>;
using Options = std::unique_ptr<heif_decoding_options, Freer>;

// The pictures of a file that are to be shown: no thumbnails, tiles, depths.
struct File {
  Context context;
  std::vector<heif_item_id> pictures;
};

File open(Bytes bytes) {
  kLibheif.open();
  const uint64_t coded = largest_hevc_picture(bytes);
  if (coded > 0) check_picture_size(coded, 1);
  File file{Context(heif_context_alloc()), {}};
  if (!file.context) throw Error(Fault::kMemory, "out of memory for the HEIC decoder");
  heif_context_set_max_decoding_threads(file.context.get(), 2);
  check(heif_context_read_from_memory_without_copy(file.context.get(), bytes.data(), bytes.size(), nullptr));
  const int count = heif_context_get_number_of_top_level_images(file.context.get());
  file.pictures.resize(static_cast<size_t>(std::clamp(count, 0, kMostPictures)));
  const int listed = heif_context_get_list_of_top_level_image_IDs(file.context.get(), file.pictures.data(),
                                                                  static_cast<int>(file.pictures.size()));
  file.pictures.resize(static_cast<size_t>(listed));
  if (file.pictures.empty()) bad("it holds no picture; films in HEVC are not read");
  return file;
}

Handle handle_of(const File& file, heif_item_id id) {
  heif_image_handle* handle = nullptr;
  check(heif_context_get_image_handle(file.context.get(), id, &handle));
  return Handle(handle);
}

// Upright, as libheif turns it.
std::pair<int64_t, int64_t> size_of(const Handle& handle) {
  return {heif_image_handle_get_width(handle.get()), heif_image_handle_get_height(handle.get())};
}

void read_texts(const Handle& handle, PictureHead& head) {
  heif_item_id id = 0;
  if (heif_image_handle_get_list_of_metadata_block_IDs(handle.get(), "Exif", &id, 1) != 1) return;
  const size_t size = heif_image_handle_get_metadata_size(handle.get(), id);
  if (size < 4 || size > kMostExif) return;
  std::vector<uint8_t> data(size);
  if (heif_image_handle_get_metadata(handle.get(), id, data.data()).code != heif_error_Ok) return;
  // The first four bytes say how far behind them the structure begins.
  const size_t skip = 4 + (static_cast<size_t>(data[0]) << 24 | static_cast<size_t>(data[1]) << 16 |
                           static_cast<size_t>(data[2]) << 8 | data[3]);
  if (skip < size) read_exif(Bytes(data).subspan(skip), head);
}

PictureHead read_head(Bytes bytes) {
  const File file = open(bytes);
  const Handle first = handle_of(file, file.pictures.front());
  PictureHead head;
  read_texts(first, head);
  head.orientation = 1;  // the file's boxes count, not EXIF's, and libheif has applied them
  std::tie(head.width, head.height) = size_of(first);
  head.frames = static_cast<int64_t>(file.pictures.size());
  check_picture_size(static_cast<uint64_t>(head.width), static_cast<uint64_t>(head.height));
  return head;
}

Raster decode_one(const Handle& handle) {
  Raster out;
  std::tie(out.width, out.height) = size_of(handle);
  out.has_alpha_channel = heif_image_handle_has_alpha_channel(handle.get()) != 0;
  const Options options(heif_decoding_options_alloc());
  if (!options) throw Error(Fault::kMemory, "out of memory for the HEIC decoder");
  options->convert_hdr_to_8bit = 1;
  heif_image* image = nullptr;
  check(heif_decode_image(handle.get(), &image, heif_colorspace_RGB,
                          out.has_alpha_channel ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB,
                          options.get()));
  const Decoded decoded(image);
  int stride = 0;
  const uint8_t* pixels = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
  if (!pixels || heif_image_get_width(image, heif_channel_interleaved) != out.width ||
      heif_image_get_height(image, heif_channel_interleaved) != out.height)
    bad("its pixels have another size than it says");
  const auto width = static_cast<size_t>(out.width), height = static_cast<size_t>(out.height);
  out.rgb.resize(width * height * 3);
  if (out.has_alpha_channel) out.alpha.resize(width * height);
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* row = pixels + y * static_cast<size_t>(stride);
    if (!out.has_alpha_channel) {
      std::memcpy(out.rgb.data() + y * width * 3, row, width * 3);
      continue;
    }
    for (size_t x = 0; x < width; ++x) {
      std::memcpy(out.rgb.data() + (y * width + x) * 3, row + 4 * x, 3);
      out.alpha[y * width + x] = row[4 * x + 3];
    }
  }
  return out;
}

void append(Raster& out, Raster picture) {
  const size_t before = out.rgb.size() / 3;
  if (!picture.alpha.empty() || !out.alpha.empty()) {
    out.alpha.resize(before, 255);
    picture.alpha.resize(picture.rgb.size() / 3, 255);
    out.alpha.insert(out.alpha.end(), picture.alpha.begin(), picture.alpha.end());
  }
  out.has_alpha_channel |= picture.has_alpha_channel;
  out.rgb.insert(out.rgb.end(), picture.rgb.begin(), picture.rgb.end());
  ++out.frames;
}

Raster decode(Bytes bytes, int64_t most_frames) {
  const File file = open(bytes);
  Raster out;
  out.frames = 0;
  std::tie(out.width, out.height) = size_of(handle_of(file, file.pictures.front()));
  for (const heif_item_id id : file.pictures) {
    if (out.frames == most_frames) break;
    poll_cancelled();
    try {
      const Handle handle = handle_of(file, id);
      // Pictures of another size than the first are left out, as by LoadImage.
      if (size_of(handle) != std::pair(out.width, out.height)) continue;
      check_picture_size(static_cast<uint64_t>(out.width), static_cast<uint64_t>(out.height),
                         static_cast<uint64_t>(out.frames) + 1);
      append(out, decode_one(handle));
    } catch (const Error& e) {
      if (out.frames == 0 || e.fault() == Fault::kMemory) throw;
      out.warning =
          "picture " + std::to_string(out.frames + 1) + " and those after it cannot be read (" + e.message() + ")";
      break;
    }
  }
  return out;
}

}  // namespace

PictureDecoder heic_decoder() { return {.head = read_head, .decode = decode}; }

}  // namespace easel::formats
