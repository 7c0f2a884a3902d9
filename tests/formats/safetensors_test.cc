#include "formats/tensors/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/atomic_file.h"
#include "formats/temp_files.h"
#include "support/golden.h"

namespace easel::formats {
namespace {

using testing::TempFolder;

std::string with_length(uint64_t length, const std::string& rest) {
  std::string s(8, '\0');
  for (size_t i = 0; i < 8; ++i) s[i] = static_cast<char>(length >> (8 * i));
  return s + rest;
}

// A file of this header (its true length) and this data.
std::string file_of(const std::string& header, const std::string& data) {
  return with_length(header.size(), header + data);
}

StoredTensors read_bytes(const TempFolder& folder, const std::string& content, Metadata* metadata = nullptr) {
  return read_safetensors(MappedFile::open(folder.file("t.safetensors", content)), metadata);
}

std::string error_of(const std::string& content) {
  TempFolder folder;
  try {
    read_bytes(folder, content);
  } catch (const Error& e) {
    EXPECT_TRUE(e.fault() == Fault::kBadFile || e.fault() == Fault::kUnsupported);
    EXPECT_NE(e.file().find("t.safetensors"), std::string::npos);
    return e.message();
  }
  return "no error";
}

TEST(Safetensors, AreTheSameBytesInMemory) {
  TempFolder folder;
  TensorMap map;
  map.set("a", Tensor::full({2, 3}, 0.5f));
  map.set("none", Tensor(Shape{0}));
  map.set("turned", Tensor::of(Shape{2, 2}, {1.0f, 2.0f, 3.0f, 4.0f}).permute({1, 0}));
  const Metadata metadata{{"k", "v"}};
  write_safetensors(folder.path() / "a.safetensors", map, metadata);
  EXPECT_EQ(encode_safetensors(map, metadata), read_file(folder.path() / "a.safetensors"));
}

TEST(Safetensors, ReadsEveryTypeAndTheMetadata) {
  TempFolder folder;
  StoredTensors out;
  const auto all = {DType::kF32, DType::kF16, DType::kBF16, DType::kF64,  DType::kI64,    DType::kI32,
                    DType::kI16, DType::kI8,  DType::kU8,   DType::kBool, DType::kF8E4M3, DType::kF8E5M2};
  for (DType t : all) {
    Tensor x(Shape{2, 3}, t);
    for (size_t i = 0; i < x.nbytes(); ++i) static_cast<uint8_t*>(x.raw())[i] = static_cast<uint8_t>(i % 2);
    out.set("t." + std::string(dtype_name(t)), x);
  }
  out.set("scalar", Tensor::full(Shape{}, 4.5f));
  out.set("none", Tensor(Shape{0, 7}));
  out.set("quote \" \\ \n é", Tensor::of(Shape{1}, {1.0f}));
  write_safetensors(folder.path() / "a.safetensors", out, {{"format", "pt"}, {"k\"", "v\n"}});

  Metadata metadata;
  const StoredTensors in = read_safetensors(MappedFile::open(folder.path() / "a.safetensors"), &metadata);
  EXPECT_EQ(metadata, (Metadata{{"format", "pt"}, {"k\"", "v\n"}}));
  ASSERT_EQ(in.size(), out.size());
  auto expected = out.begin();
  for (const auto& [name, t] : in) {
    EXPECT_EQ(name, expected->first);
    EXPECT_EQ(t.encoding(), expected->second.encoding());
    EXPECT_EQ(t.shape(), expected->second.shape());
    EXPECT_EQ(std::memcmp(t.data(), expected->second.data(), t.nbytes()), 0) << name;
    ++expected;
  }
}

TEST(Safetensors, WritesStridedTensorsPacked) {
  TempFolder folder;
  StoredTensors out;
  out.set("x", Tensor::of(Shape{2, 3}, {1, 2, 3, 4, 5, 6}).permute({1, 0}));
  write_safetensors(folder.path() / "a.safetensors", out);
  const StoredTensors in = read_safetensors(MappedFile::open(folder.path() / "a.safetensors"));
  const Tensor x = in.find("x")->decoded();
  const auto values = x.values();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), (std::vector<float>{1, 4, 2, 5, 3, 6}));
}

TEST(Safetensors, TensorsViewTheMappingAndOutliveTheFile) {
  TempFolder folder;
  StoredTensors in;
  {
    const MappedFile file = MappedFile::open(
        folder.file("a.safetensors", file_of(R"({"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", "abc")));
    in = read_safetensors(file);
    EXPECT_EQ(in.find("x")->storage().get(), file.storage().get());
  }
  std::filesystem::remove(folder.path() / "a.safetensors");
  EXPECT_EQ(std::memcmp(in.find("x")->data(), "abc", 3), 0);
}

TEST(Safetensors, CopiesWhatLiesUnaligned) {
  TempFolder folder;
  std::string header = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  while (header.size() % 4 != 1) header += ' ';
  const float values[2] = {1.5f, -2.0f};
  const StoredTensors in = read_bytes(folder, file_of(header, std::string(reinterpret_cast<const char*>(values), 8)));
  const Tensor x = in.find("x")->tensor();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(x.raw()) % 4, 0u);
  EXPECT_EQ(x.values()[0], 1.5f);
  EXPECT_EQ(x.values()[1], -2.0f);
}

TEST(Safetensors, RefusesTruncatedAndHugeHeaders) {
  EXPECT_EQ(error_of("abc"), "too short for a safetensors file");
  EXPECT_EQ(error_of(""), "too short for a safetensors file");
  EXPECT_EQ(error_of(with_length(50, "{}")), "the header claims 50 bytes, the file has only 2 left");
  EXPECT_EQ(error_of(with_length(~uint64_t{0}, "{}")),
            "the header claims 18446744073709551615 bytes, above the 100 MB the format allows");
  EXPECT_EQ(error_of(with_length(100'000'001, "{}")),
            "the header claims 100000001 bytes, above the 100 MB the format allows");
  EXPECT_EQ(error_of(with_length(0, "")), "the header is not a JSON object");
}

TEST(Safetensors, RefusesLyingHeaders) {
  const auto x = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return file_of(R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}",
                   "12345678");
  };
  EXPECT_EQ(error_of(x("F32", "[2]", "[0,16]")), "tensor 'x' lies outside the file");
  EXPECT_EQ(error_of(x("F32", "[2]", "[8,0]")), "tensor 'x' lies outside the file");
  EXPECT_EQ(error_of(x("F32", "[2]", "[0]")), "tensor 'x' lies outside the file");
  EXPECT_EQ(error_of(x("F32", "[3]", "[0,8]")), "tensor 'x' takes 8 bytes, but its shape and type need 12");
  EXPECT_EQ(error_of(x("F32", "[4294967296,4294967296]", "[0,8]")), "tensor 'x' has an impossible shape");
  EXPECT_EQ(error_of(x("F32", "[0,4294967296,4294967296]", "[0,0]")), "tensor 'x' has an impossible shape");
  EXPECT_EQ(error_of(x("F32", "[18446744073709551615]", "[0,8]")), "tensor 'x' has an impossible shape");
  EXPECT_EQ(error_of(x("F32", "[-1]", "[0,8]")), "the header has a negative number");
  EXPECT_EQ(error_of(x("F32", "[2.0]", "[0,8]")), "the header has a number that is not a whole one");
  EXPECT_EQ(error_of(x("F32", "[1,1,1,1,1,1,2]", "[0,8]")), "tensor 'x' has more than six dimensions");
  EXPECT_EQ(error_of(x("C64", "[1]", "[0,8]")), "tensor 'x' has the element type 'C64', which Easel cannot read");
  EXPECT_EQ(error_of(x("F32", "[1]", "[0,4]")), "the header accounts for 4 bytes of tensor data, the file has 8");
  EXPECT_EQ(error_of(x("F32", "[1]", "[4,8]")), "tensor 'x' leaves a gap before it");
}

TEST(Safetensors, RefusesOverlapsDuplicatesAndOtherJson) {
  const std::string a = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  EXPECT_EQ(error_of(file_of("{" + a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", "123456")),
            "tensor 'b' overlaps another");
  EXPECT_EQ(error_of(file_of("{" + a + "," + a + "}", "1234")), "the header names tensor 'a' twice");
  EXPECT_EQ(error_of(file_of(R"({"a":{"dtype":"U8","shape":[4]}})", "1234")),
            "the header entry of tensor 'a' lacks dtype, shape or data_offsets");
  EXPECT_EQ(error_of(file_of(R"({"a":{"dtype":"U8","dtype":"U8"}})", "")),
            "the header entry of tensor 'a' has a field twice");
  EXPECT_EQ(error_of(file_of(R"({"a":{"b":{}}})", "")), "the header nests deeper than the format does");
  EXPECT_EQ(error_of(file_of(R"({"a":[1]})", "")), "the header has an array where none belongs");
  EXPECT_EQ(error_of(file_of(R"({"a":null})", "")), "the header has a null where none belongs");
  EXPECT_EQ(error_of(file_of(R"({"a":"b"})", "")), "the header has a text where none belongs");
  EXPECT_EQ(error_of(file_of("{\"a", "")), "the header is not valid JSON at byte 4");
  EXPECT_EQ(error_of(file_of("[]", "")), "the header is not a JSON object");
  EXPECT_EQ(error_of(file_of("{" + std::string(1 << 20, '['), "")), "the header is not valid JSON at byte 2");
  EXPECT_EQ(error_of(file_of(R"({"a":)" + std::string(1 << 20, '['), "")),
            "the header has an array where none belongs");
}

// Each of many entries is the whole of the data, at an odd place: none may be copied before that is found out.
TEST(Safetensors, OverlapsAreFoundBeforeAnythingIsCopied) {
  constexpr int kEntries = 300;
  const std::string data(size_t{1} << 20, '\7');
  std::string header = "{";
  for (int i = 0; i < kEntries; ++i)
    header +=
        (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"F16","shape":[524288],"data_offsets":[0,1048576]})";
  header += "}";
  header.append(header.size() % 2 == 0 ? 1 : 0, ' ');
  const size_t before = testing::peak_memory();
  EXPECT_NE(error_of(file_of(header, data)).find("overlaps another"), std::string::npos);
  EXPECT_LT(testing::peak_memory() - before, size_t{100} << 20);
}

TEST(Safetensors, EveryDamagedByteGivesAResultOrAnError) {
  const std::string good = file_of(
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}})",
      "0123456789abcdef");
  std::mt19937 random(1);
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = good;
    for (int i = 0, n = 1 + static_cast<int>(random() % 3); i < n; ++i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (round % 5 == 0) bytes.resize(random() % (bytes.size() + 1));
    try {
      const testing::MemoryFile damaged(bytes);
      const StoredTensors tensors = read_safetensors(MappedFile::open(damaged.path()));
      for (const auto& [name, t] : tensors) (void)t.decoded();
    } catch (const Error&) {
    }
  }
}

TEST(Safetensors, WriterNeedsExactlyTheDeclaredBytes) {
  TempFolder folder;
  const auto path = folder.path() / "a.safetensors";
  {
    SafetensorsWriter writer(path, {{"a", DType::kU8, Shape{4}}});
    writer.write("ab", 2);
    EXPECT_THROW(writer.commit(), Error);
    EXPECT_THROW(writer.write("cde", 3), Error);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_THROW(SafetensorsWriter(path, {{"a", DType::kU8, Shape{4}}, {"a", DType::kU8, Shape{4}}}), Error);
  SafetensorsWriter writer(path, {{"a", DType::kU8, Shape{4}}});
  writer.write("ab", 2);
  writer.write("cd", 2);
  writer.commit();
  EXPECT_EQ(read_safetensors(MappedFile::open(path)).size(), 1u);
}

TEST(Safetensors, ReadsTheReferenceFiles) {
  EASEL_NEEDS_SHARED();
  const TensorMap noise = testing::load_golden("noise.safetensors");
  ASSERT_NE(noise.find("noise.0.1x4x8x8"), nullptr);
  EXPECT_EQ(noise.find("noise.0.1x4x8x8")->shape(), (Shape{1, 4, 8, 8}));
  EXPECT_FLOAT_EQ(testing::load_golden("noise.safetensors", "noise.0.1x4x8x8").f32()[0], -1.1258398f);
}

}  // namespace
}  // namespace easel::formats
