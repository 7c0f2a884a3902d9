// Pictures put together byte by byte, so that tests know every bit of them.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/zip_builder.h"

namespace easel::testing {

// 16 x 8 in colour, chroma at half resolution, and 8 x 8 in Adobe's CMYK; libjpeg-turbo 2.1 wrote both.
constexpr std::string_view kColourJpegHex =
    "ffd8ffe000104a46494600010100000100010000ffdb004300100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d"
    "3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763ffdb0043011112121815182f1a1a2f63423842"
    "6363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363ffc00011"
    "080008001003012200021101031101ffc4001500010100000000000000000000000000000005ffc4001b100002010500000000000000"
    "000000000000111204052281d1ffc4001501010100000000000000000000000000000304ffc400201100000503050000000000000000"
    "00000001020304110021310512a1c1d2ffda000c03010002110311003f00994f644b18adc7a53a7b2258c56e3d0099770a1660713c6e"
    "f21d60b05a73a56d7affd9";
constexpr std::string_view kCmykJpegHex =
    "ffd8ffee000e41646f626500640000000000ffdb004300281c1e231e19282321232d2b28303c64413c37373c7b585d4964918099968f"
    "808c8aa0b4e6c3a0aadaad8a8cc8ffcbdaeef5ffffff9bc1fffffffaffe6fdfff8ffc000140800080008044311004d11005911004b11"
    "00ffc400160001010100000000000000000000000000030405ffc4001f10000102060300000000000000000000000011130415334162"
    "6382a1b2ffda000e0443004d0059004b00003f008616c14b71069ea6b932be97a364ffd9";

inline void put_be(std::string& out, uint64_t value, int width) {
  for (int i = width; i-- > 0;) out += static_cast<char>(value >> (8 * i));
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  std::string out, body = type + data;
  put_be(out, data.size(), 4);
  out += body;
  put_be(out, crc32(0, reinterpret_cast<const unsigned char*>(body.data()), static_cast<unsigned>(body.size())), 4);
  return out;
}

inline std::string deflated(const std::string& data) {
  uLongf size = compressBound(data.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(data.data()), data.size());
  out.resize(size);
  return out;
}

inline std::string png_header(uint32_t width, uint32_t height, int depth, int type, int interlace = 0) {
  std::string header;
  put_be(header, width, 4);
  put_be(header, height, 4);
  header += {static_cast<char>(depth), static_cast<char>(type), '\0', '\0', static_cast<char>(interlace)};
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header);
}

// `rows`: each with its filter byte in front. `extra` stands between the header and the pixels.
inline std::string build_png(uint32_t width, uint32_t height, int depth, int type, const std::string& rows,
                             const std::string& extra = {}, int interlace = 0) {
  return png_header(width, height, depth, type, interlace) + extra + png_chunk("IDAT", deflated(rows)) +
         png_chunk("IEND", "");
}

// EXIF data of one directory: an orientation and a text.
inline std::string build_exif(int orientation, const std::string& text = {}, bool little = true) {
  std::string out = little ? "II" : "MM";
  const auto put = [&](uint64_t v, int width) { little ? put_le(out, v, width) : put_be(out, v, width); };
  put(42, 2);
  put(8, 4);
  put(2, 2);
  put(0x0112, 2), put(3, 2), put(1, 4), put(static_cast<uint64_t>(orientation), 2), put(0, 2);
  put(0x0110, 2), put(2, 2), put(text.size() + 1, 4), put(8 + 2 + 24 + 4, 4);
  put(0, 4);
  return out + text + '\0';
}

}  // namespace easel::testing
