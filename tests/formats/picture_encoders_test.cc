// AVIF, HEIC and JPEG XL, which PIL does not read here: pictures that the formats' own encoders write without loss come
// back value for value.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>

#include "base/atomic_file.h"
#include "base/error.h"
#include "formats/picture_samples.h"
#include "formats/pictures/picture.h"
#ifdef EASEL_READS_AVIF
#include <avif/avif.h>
#endif
#ifdef EASEL_READS_HEIC
#include <libheif/heif.h>
#endif
#ifdef EASEL_READS_JXL
#include <jxl/encode.h>
#endif
#ifdef EASEL_READS_TIFF
#include <tiffio.h>

#include "formats/temp_files.h"
#endif

namespace easel::formats {
namespace {

std::span<const uint8_t> bytes_of(const std::string& s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}
Picture decode(const std::string& content) { return decode_picture(bytes_of(content)); }

// 8-bit samples, nothing alike or symmetric in them.
struct Drawn {
  int width = 0, height = 0, channels = 3;
  std::vector<uint8_t> data;
  uint8_t at(int64_t x, int64_t y, int c) const { return data[static_cast<size_t>((y * width + x) * channels + c)]; }
};

Drawn drawn(int width, int height, int channels, uint32_t seed) {
  Drawn out{width, height, channels, {}};
  std::mt19937 random(seed);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c)
        out.data.push_back(static_cast<uint8_t>(x * (3 + c) + y * (7 - c) + static_cast<int>(random() % 16)));
  return out;
}

// Where the pixel (x, y) of the upright picture comes from, by EXIF's orientation.
std::pair<int64_t, int64_t> source_of(int orientation, int64_t x, int64_t y, int64_t w, int64_t h) {
  switch (orientation) {
    case 2: return {w - 1 - x, y};
    case 3: return {w - 1 - x, h - 1 - y};
    case 4: return {x, h - 1 - y};
    case 5: return {y, x};
    case 6: return {y, h - 1 - x};
    case 7: return {w - 1 - y, h - 1 - x};
    case 8: return {w - 1 - y, x};
    default: return {x, y};
  }
}

// Colours may differ by `levels` of 255.
void expect_frames(const Picture& got, const std::vector<Drawn>& want, int orientation = 1, int levels = 0) {
  const Drawn& first = want.front();
  const bool sideways = orientation >= 5, alpha = first.channels == 4;
  const int64_t height = sideways ? first.width : first.height, width = sideways ? first.height : first.width;
  ASSERT_EQ(got.rgb.shape(), (Shape{static_cast<int64_t>(want.size()), height, width, 3}));
  ASSERT_EQ(got.mask.shape(), alpha ? (Shape{static_cast<int64_t>(want.size()), height, width})
                                    : (Shape{static_cast<int64_t>(want.size()), 64, 64}));
  int64_t wrong = 0, i = 0;
  for (const Drawn& frame : want)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x, ++i) {
        const auto [fx, fy] = source_of(orientation, x, y, frame.width, frame.height);
        for (int c = 0; c < 3; ++c) {
          const float value = got.rgb.values()[static_cast<size_t>(3 * i + c)] * 255.0f;
          const int level = frame.at(fx, fy, frame.channels == 1 ? 0 : c);
          wrong += std::abs(std::lround(value) - level) > levels;
        }
        if (alpha)
          wrong += got.mask.values()[static_cast<size_t>(i)] != 1.0f - static_cast<float>(frame.at(fx, fy, 3)) / 255.0f;
      }
  EXPECT_EQ(wrong, 0) << "orientation " << orientation;
}

// Cut and flipped in many places, a file gives a picture or an error, never anything else.
void expect_survives(const std::string& good, int rounds) {
  std::mt19937 random(11);
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = good;
    if (round % 2 == 0)
      for (int i = 0, n = 1 + static_cast<int>(random() % 3); i < n; ++i)
        bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    else bytes.resize(random() % bytes.size());
    try {
      const Picture p = decode(bytes);
      EXPECT_GT(p.rgb.numel(), 0);
    } catch (const Error&) {
    }
    try {
      inspect_picture(bytes_of(bytes));
    } catch (const Error&) {
    }
  }
}

#ifdef EASEL_READS_AVIF

std::string avif(const std::vector<Drawn>& frames, const std::function<void(avifImage&)>& change = nullptr) {
  const std::unique_ptr<avifEncoder, decltype(&avifEncoderDestroy)> encoder(avifEncoderCreate(), avifEncoderDestroy);
  encoder->speed = 8;
  encoder->minQuantizer = encoder->maxQuantizer = AVIF_QUANTIZER_LOSSLESS;
  encoder->minQuantizerAlpha = encoder->maxQuantizerAlpha = AVIF_QUANTIZER_LOSSLESS;
  for (const Drawn& frame : frames) {
    const std::unique_ptr<avifImage, decltype(&avifImageDestroy)> image(
        avifImageCreate(static_cast<uint32_t>(frame.width), static_cast<uint32_t>(frame.height), 8,
                        AVIF_PIXEL_FORMAT_YUV444),
        avifImageDestroy);
    image->matrixCoefficients = AVIF_MATRIX_COEFFICIENTS_IDENTITY;
    image->yuvRange = AVIF_RANGE_FULL;
    if (change) change(*image);
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, image.get());
    rgb.format = frame.channels == 4 ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    rgb.pixels = const_cast<uint8_t*>(frame.data.data());
    rgb.rowBytes = static_cast<uint32_t>(frame.width * frame.channels);
    EXPECT_EQ(avifImageRGBToYUV(image.get(), &rgb), AVIF_RESULT_OK);
    EXPECT_EQ(avifEncoderAddImage(encoder.get(), image.get(), 1,
                                  frames.size() == 1 ? AVIF_ADD_IMAGE_FLAG_SINGLE : AVIF_ADD_IMAGE_FLAG_NONE),
              AVIF_RESULT_OK);
  }
  avifRWData data = AVIF_DATA_EMPTY;
  EXPECT_EQ(avifEncoderFinish(encoder.get(), &data), AVIF_RESULT_OK);
  std::string out(reinterpret_cast<const char*>(data.data), data.size);
  avifRWDataFree(&data);
  return out;
}

TEST(PictureEncoders, AvifPicturesAndSequences) {
  const std::string plain = avif({drawn(40, 30, 3, 1)});
  EXPECT_EQ(decode(plain).format, PictureFormat::kAvif);
  expect_frames(decode(plain), {drawn(40, 30, 3, 1)});
  expect_frames(decode(avif({drawn(40, 30, 4, 2)})), {drawn(40, 30, 4, 2)});
  const std::vector<Drawn> frames{drawn(40, 30, 3, 1), drawn(40, 30, 3, 2), drawn(40, 30, 3, 3)};
  const std::string sequence = avif(frames);
  expect_frames(decode(sequence), frames);
  EXPECT_EQ(inspect_picture(bytes_of(sequence)).frames, 3);
  EXPECT_THROW(decode(plain.substr(0, plain.size() / 2)), Error);
  expect_survives(plain, 100);
}

TEST(PictureEncoders, AvifIsTurnedByItsBoxes) {
  const Drawn picture = drawn(24, 16, 3, 1);
  const auto turned = [&](int angle, int mirror) {
    return avif({picture}, [&](avifImage& image) {
      if (angle >= 0) {
        image.transformFlags |= AVIF_TRANSFORM_IROT;
        image.irot.angle = static_cast<uint8_t>(angle);
      }
      if (mirror >= 0) {
        image.transformFlags |= AVIF_TRANSFORM_IMIR;
#if AVIF_VERSION_MAJOR >= 1
        image.imir.axis = static_cast<uint8_t>(mirror);
#else
        image.imir.mode = static_cast<uint8_t>(mirror);
#endif
      }
    });
  };
  // Turned against the clock first, mirrored (0: top to bottom) after it: ISO/IEC 23000-22, 7.3.6.7.
  const int expected[4][3] = {{1, 4, 2}, {8, 5, 7}, {3, 2, 4}, {6, 7, 5}};
  for (int angle = 0; angle < 4; ++angle)
    for (int mirror = -1; mirror < 2; ++mirror)
      expect_frames(decode(turned(angle, mirror)), {picture}, expected[angle][mirror + 1]);
  // EXIF's texts are read, its orientation is not: the boxes count.
  const std::string exif = testing::build_exif(6, "prompt:{}");
  const std::string file = avif({picture}, [&](avifImage& image) {
    static_cast<void>(avifImageSetMetadataExif(&image, reinterpret_cast<const uint8_t*>(exif.data()), exif.size()));
    image.transformFlags = AVIF_TRANSFORM_NONE;
  });
  expect_frames(decode(file), {picture});
  EXPECT_EQ(decode(file).text.at("prompt"), "{}");
}

#endif
#ifdef EASEL_READS_HEIC

std::string heic(const std::vector<Drawn>& pictures, heif_orientation orientation = heif_orientation_normal) {
  heif_context* context = heif_context_alloc();
  heif_encoder* encoder = nullptr;
  if (heif_context_get_encoder_for_format(context, heif_compression_HEVC, &encoder).code != heif_error_Ok)
    throw std::runtime_error("libheif cannot write HEIC here; newer Debians have that in libheif-plugin-x265");
  heif_encoder_set_lossless(encoder, 1);
  heif_encoder_set_parameter_string(encoder, "chroma", "444");
  heif_encoder_set_parameter_string(encoder, "preset", "ultrafast");
  heif_color_profile_nclx* colours = heif_nclx_color_profile_alloc();
  colours->matrix_coefficients = heif_matrix_coefficients_RGB_GBR;
  colours->full_range_flag = 1;
  heif_encoding_options* options = heif_encoding_options_alloc();
  options->output_nclx_profile = colours;
  options->image_orientation = orientation;
  for (const Drawn& picture : pictures) {
    heif_image* image = nullptr;
    heif_image_create(picture.width, picture.height, heif_colorspace_RGB,
                      picture.channels == 4 ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, &image);
    heif_image_add_plane(image, heif_channel_interleaved, picture.width, picture.height, 8);
    int stride = 0;
    uint8_t* plane = heif_image_get_plane(image, heif_channel_interleaved, &stride);
    const int channels = picture.channels == 4 ? 4 : 3;
    for (int y = 0; y < picture.height; ++y)
      for (int x = 0; x < picture.width; ++x)
        for (int c = 0; c < channels; ++c)
          plane[y * stride + x * channels + c] = picture.at(x, y, picture.channels == 1 ? 0 : c);
    heif_image_handle* handle = nullptr;
    EXPECT_EQ(heif_context_encode_image(context, image, encoder, options, &handle).code, heif_error_Ok);
    heif_image_handle_release(handle);
    heif_image_release(image);
  }
  std::string out;
  heif_writer writer{1, [](heif_context*, const void* data, size_t size, void* to) {
                       static_cast<std::string*>(to)->append(static_cast<const char*>(data), size);
                       return heif_error{heif_error_Ok, heif_suberror_Unspecified, ""};
                     }};
  EXPECT_EQ(heif_context_write(context, &writer, &out).code, heif_error_Ok);
  heif_encoding_options_free(options);
  heif_nclx_color_profile_free(colours);
  heif_encoder_release(encoder);
  heif_context_free(context);
  return out;
}

TEST(PictureEncoders, HeicPictures) {
  const std::string plain = heic({drawn(64, 48, 3, 1)});
  EXPECT_EQ(decode(plain).format, PictureFormat::kHeic);
  // Of colours the encoder writes YCbCr in 8 bits, which holds them to one level. Grey it holds exactly.
  expect_frames(decode(plain), {drawn(64, 48, 3, 1)}, 1, 1);
  expect_frames(decode(heic({drawn(64, 48, 1, 1)})), {drawn(64, 48, 1, 1)});
  expect_frames(decode(heic({drawn(64, 48, 4, 2)})), {drawn(64, 48, 4, 2)}, 1, 1);
  // Several pictures are a batch, but for those of another size.
  const std::string several = heic({drawn(64, 48, 1, 1), drawn(48, 64, 1, 2), drawn(64, 48, 1, 3)});
  expect_frames(decode(several), {drawn(64, 48, 1, 1), drawn(64, 48, 1, 3)});
  EXPECT_THROW(decode(plain.substr(0, plain.size() / 2)), Error);
  expect_survives(plain, 60);
}

TEST(PictureEncoders, HeicIsUpright) {
  const Drawn picture = drawn(64, 48, 1, 1);
  for (int orientation = 1; orientation <= 8; ++orientation)
    expect_frames(decode(heic({picture}, static_cast<heif_orientation>(orientation))), {picture}, orientation);
}

// The boxes say 64 x 48; the stream itself says more than a decoder should believe.
TEST(PictureEncoders, HeicStreamsOfHugePicturesAreRefused) {
  std::string file = heic({drawn(64, 48, 3, 1)});
  const size_t configuration = file.find("hvcC");
  const size_t unit = file.find(std::string("\x42\x01", 2), configuration);  // a sequence parameter set
  ASSERT_NE(unit, std::string::npos);
  // Two header bytes, 13 of profile and level (not counting those that keep start codes out), then exp-Golomb numbers:
  // id 0, chroma 3, width, height.
  size_t length = 2;
  for (int plain = 0; plain < 13; ++length) plain += file.compare(unit + length - 2, 3, std::string("\0\0\3", 3)) != 0;
  const std::string head = file.substr(unit, length);
  const std::string before = file.substr(0, unit);
  // 1 (id), 00100 (chroma 3), 0 (planes), then 16 zeros, 1 and 16 bits for 65535 + n, twice.
  const std::string bits = std::string("1001000") + std::string(16, '0') + "1" + std::string(16, '1') +
                           std::string(16, '0') + "1" + std::string(16, '1') + "0000000";
  std::string packed;
  for (size_t i = 0; i + 8 <= bits.size(); i += 8)
    packed += static_cast<char>(std::stoi(bits.substr(i, 8), nullptr, 2));
  // Bytes that keep start codes out are not needed: the zeros are not three in a row.
  file = before + head + packed + file.substr(std::min(file.size(), unit + length + packed.size()));
  try {
    decode(file);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("more than a picture may"), std::string::npos) << e.message();
  }
}

#endif
#ifdef EASEL_READS_JXL

std::string jxl(const std::vector<Drawn>& frames, JxlOrientation orientation = JXL_ORIENT_IDENTITY,
                const std::string& exif = "") {
  const std::unique_ptr<JxlEncoder, decltype(&JxlEncoderDestroy)> encoder(JxlEncoderCreate(nullptr), JxlEncoderDestroy);
  JxlBasicInfo info;
  JxlEncoderInitBasicInfo(&info);
  const Drawn& first = frames.front();
  info.xsize = static_cast<uint32_t>(first.width);
  info.ysize = static_cast<uint32_t>(first.height);
  info.bits_per_sample = 8;
  info.uses_original_profile = JXL_TRUE;
  info.orientation = orientation;
  info.num_color_channels = first.channels == 1 ? 1 : 3;
  if (first.channels == 4) {
    info.num_extra_channels = 1;
    info.alpha_bits = 8;
  }
  if (frames.size() > 1) {
    info.have_animation = JXL_TRUE;
    info.animation.tps_numerator = 10;
    info.animation.tps_denominator = 1;
  }
  if (!exif.empty()) {
    JxlEncoderUseContainer(encoder.get(), JXL_TRUE);
    JxlEncoderUseBoxes(encoder.get());
  }
  EXPECT_EQ(JxlEncoderSetBasicInfo(encoder.get(), &info), JXL_ENC_SUCCESS);
  JxlColorEncoding colours;
  JxlColorEncodingSetToSRGB(&colours, first.channels == 1);
  EXPECT_EQ(JxlEncoderSetColorEncoding(encoder.get(), &colours), JXL_ENC_SUCCESS);
  if (!exif.empty()) {
    const std::string box = std::string(4, '\0') + exif;
    JxlEncoderAddBox(encoder.get(), "Exif", reinterpret_cast<const uint8_t*>(box.data()), box.size(), JXL_FALSE);
  }
  const JxlPixelFormat format{static_cast<uint32_t>(first.channels), JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  for (const Drawn& frame : frames) {
    JxlEncoderFrameSettings* settings = JxlEncoderFrameSettingsCreate(encoder.get(), nullptr);
    JxlEncoderSetFrameLossless(settings, JXL_TRUE);
    JxlFrameHeader header;
    JxlEncoderInitFrameHeader(&header);
    header.duration = frames.size() > 1 ? 1 : 0;
    JxlEncoderSetFrameHeader(settings, &header);
    EXPECT_EQ(JxlEncoderAddImageFrame(settings, &format, frame.data.data(), frame.data.size()), JXL_ENC_SUCCESS);
  }
  JxlEncoderCloseInput(encoder.get());
  std::string out(1 << 20, '\0');
  auto* next = reinterpret_cast<uint8_t*>(out.data());
  size_t left = out.size();
  EXPECT_EQ(JxlEncoderProcessOutput(encoder.get(), &next, &left), JXL_ENC_SUCCESS);
  out.resize(out.size() - left);
  return out;
}

TEST(PictureEncoders, JxlPicturesAndAnimations) {
  const std::string plain = jxl({drawn(40, 30, 3, 1)});
  EXPECT_EQ(decode(plain).format, PictureFormat::kJxl);
  expect_frames(decode(plain), {drawn(40, 30, 3, 1)});
  expect_frames(decode(jxl({drawn(40, 30, 4, 2)})), {drawn(40, 30, 4, 2)});
  expect_frames(decode(jxl({drawn(40, 30, 1, 3)})), {drawn(40, 30, 1, 3)});
  const std::vector<Drawn> frames{drawn(40, 30, 3, 1), drawn(40, 30, 3, 2), drawn(40, 30, 3, 3)};
  const std::string animation = jxl(frames);
  expect_frames(decode(animation), frames);
  EXPECT_EQ(inspect_picture(bytes_of(animation)).frames, 3);
  // Cut within its last frame, the others are whole.
  const Picture cut = decode(animation.substr(0, animation.size() - 200));
  EXPECT_NE(cut.warning, "");
  EXPECT_GE(cut.rgb.dim(0), 2);
  for (int64_t i = 0; i < 2 * 40 * 30 * 3; ++i) ASSERT_EQ(cut.rgb.f32()[i], decode(animation).rgb.f32()[i]);
  expect_survives(plain, 100);
  expect_survives(animation, 60);
}

TEST(PictureEncoders, JxlIsUprightAndItsExifIsRead) {
  const Drawn picture = drawn(24, 16, 3, 1);
  for (int orientation = 1; orientation <= 8; ++orientation)
    expect_frames(decode(jxl({picture}, static_cast<JxlOrientation>(orientation))), {picture}, orientation);
  const std::string file = jxl({picture}, JXL_ORIENT_IDENTITY, testing::build_exif(6, "prompt:{}"));
  expect_frames(decode(file), {picture});
  EXPECT_EQ(decode(file).text.at("prompt"), "{}");
}

#endif
#ifdef EASEL_READS_TIFF

struct TiffOptions {
  int bits = 8, photometric = PHOTOMETRIC_RGB, tile = 0, extra = -1;
  bool separate = false, big_endian = false;
};

// One page of `samples` values, row by row, of 8 or 16 bits.
std::string tiff(int width, int height, int channels, const std::vector<uint16_t>& samples, const TiffOptions& o) {
  const testing::TempFolder folder;
  const std::string path = (folder.path() / "a.tif").string();
  TIFF* file = TIFFOpen(path.c_str(), o.big_endian ? "wb" : "wl");
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, channels);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, o.bits);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, o.photometric);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, o.separate ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  TIFFSetField(file, TIFFTAG_COMPRESSION, COMPRESSION_LZW);
  if (o.extra >= 0) {
    const auto extra = static_cast<uint16_t>(o.extra);
    TIFFSetField(file, TIFFTAG_EXTRASAMPLES, 1, &extra);
  }
  const int planes = o.separate ? channels : 1, per_pixel = o.separate ? 1 : channels;
  const int side = o.tile > 0 ? o.tile : 0;
  if (side > 0) {
    TIFFSetField(file, TIFFTAG_TILEWIDTH, side);
    TIFFSetField(file, TIFFTAG_TILELENGTH, side);
  } else {
    TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, 7);
  }
  const auto value = [&](int x, int y, int c) {
    return x < width && y < height ? samples[static_cast<size_t>((y * width + x) * channels + c)] : uint16_t{0};
  };
  for (int plane = 0; plane < planes; ++plane) {
    const auto row = [&](int x0, int count, int y) {
      std::string bytes;
      for (int x = x0; x < x0 + count; ++x)
        for (int c = 0; c < per_pixel; ++c) {
          const uint16_t v = value(x, y, plane + c);
          bytes.append(reinterpret_cast<const char*>(&v), static_cast<size_t>(o.bits / 8));
        }
      return bytes;
    };
    if (side == 0) {
      for (int y = 0; y < height; ++y)
        TIFFWriteScanline(file, row(0, width, y).data(), static_cast<uint32_t>(y), static_cast<uint16_t>(plane));
      continue;
    }
    for (int ty = 0; ty < height; ty += side)
      for (int tx = 0; tx < width; tx += side) {
        std::string tile;
        for (int y = ty; y < ty + side; ++y) tile += row(tx, side, y);
        TIFFWriteTile(file, tile.data(), static_cast<uint32_t>(tx), static_cast<uint32_t>(ty), 0,
                      static_cast<uint16_t>(plane));
      }
  }
  TIFFClose(file);
  return read_file(path, size_t{1} << 24);
}

// A page of every layout gives the same values.
TEST(PictureEncoders, TiffInEveryLayout) {
  const Drawn picture = drawn(37, 29, 3, 1), with_alpha = drawn(37, 29, 4, 2);
  const std::vector<uint16_t> rgb(picture.data.begin(), picture.data.end());
  const std::vector<uint16_t> rgba(with_alpha.data.begin(), with_alpha.data.end());
  std::vector<uint16_t> wide(rgb);
  for (uint16_t& v : wide) v = static_cast<uint16_t>(v << 8 | 0x7b);
  for (const int tile : {0, 16, 64})
    for (const bool separate : {false, true})
      for (const bool big_endian : {false, true}) {
        TiffOptions o{.tile = tile, .separate = separate, .big_endian = big_endian};
        expect_frames(decode(tiff(37, 29, 3, rgb, o)), {picture});
        o.bits = 16;
        expect_frames(decode(tiff(37, 29, 3, wide, o)), {picture});
        o.bits = 8;
        o.extra = EXTRASAMPLE_UNASSALPHA;
        expect_frames(decode(tiff(37, 29, 4, rgba, o)), {with_alpha});
      }
  expect_survives(tiff(37, 29, 3, rgb, {.tile = 16}), 150);
  expect_survives(tiff(37, 29, 3, rgb, {}), 150);
}

// A file that was cut names a page that it does not have any more.
TEST(PictureEncoders, TiffOfWhichTheNextPageLiesBeyondTheEnd) {
  const Drawn picture = drawn(9, 7, 3, 1);
  std::string file = tiff(9, 7, 3, std::vector<uint16_t>(picture.data.begin(), picture.data.end()), {});
  EXPECT_EQ(decode(file).warning, "");
  const auto number = [&](size_t at, int bytes) {
    size_t n = 0;
    for (int i = bytes; i-- > 0;) n = n << 8 | static_cast<uint8_t>(file[at + static_cast<size_t>(i)]);
    return n;
  };
  const size_t directory = number(4, 4), next = directory + 2 + 12 * number(directory, 2);
  ASSERT_EQ(number(next, 4), 0u);
  file.replace(next, 4, std::string("\0\0\1\0", 4));
  const Picture cut = decode(file);
  expect_frames(cut, {picture});
  EXPECT_EQ(cut.warning, "page 2 and those after it cannot be found: it was likely cut");
}

TEST(PictureEncoders, TiffGreyOf16Bits) {
  // As 16-bit grey in PNG files: value / 255, cut to 255.
  const Picture p =
      decode(tiff(4, 1, 1, {0x00fe, 0x8000, 0xffff, 255}, {.bits = 16, .photometric = PHOTOMETRIC_MINISBLACK}));
  std::vector<int> got;
  for (const float v : p.rgb.values()) got.push_back(static_cast<int>(std::lround(v * 255)));
  EXPECT_EQ(got, (std::vector<int>{0, 0, 0, 128, 128, 128, 255, 255, 255, 1, 1, 1}));
  const Picture inverted = decode(tiff(1, 1, 1, {0}, {.bits = 16, .photometric = PHOTOMETRIC_MINISWHITE}));
  EXPECT_EQ(inverted.rgb.values()[0], 1.0f);
}

TEST(PictureEncoders, TiffWithPremultipliedAlpha) {
  const Picture p = decode(tiff(2, 1, 4, {50, 100, 20, 100, 9, 9, 9, 0}, {.extra = EXTRASAMPLE_ASSOCALPHA}));
  std::vector<int> got;
  for (const float v : p.rgb.values()) got.push_back(static_cast<int>(std::lround(v * 255)));
  EXPECT_EQ(got, (std::vector<int>{127, 255, 51, 0, 0, 0}));
  EXPECT_EQ(p.mask.values()[1], 1.0f);
}

#endif

}  // namespace
}  // namespace easel::formats
