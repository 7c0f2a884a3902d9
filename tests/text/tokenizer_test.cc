#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <string>

#include "base/error.h"

namespace easel::text {
namespace {

using Ids = std::vector<int32_t>;

Ids encode(std::string_view text) { return Tokenizer::clip().encode(text); }

std::string spelled(std::string_view text) {
  std::string out;
  for (int32_t id : encode(text)) out += Tokenizer::clip().text_of(id) + "|";
  return out;
}

TEST(Tokenizer, KnownIds) {
  EXPECT_EQ(encode(""), Ids{});
  EXPECT_EQ(encode("a photo of a cat"), (Ids{320, 1125, 539, 320, 2368}));
  EXPECT_EQ(encode("A  SERIOUS\tguy\r\nin the park"), (Ids{320, 4770, 2149, 530, 518, 1452}));
}

TEST(Tokenizer, CutsWordsAsClipDoes) {
  EXPECT_EQ(spelled("it's they're"), "it |'s |they |'re |");
  EXPECT_EQ(spelled("o'clock 3.14"), "o |' |clock |3 |. |1 |4 |");
  EXPECT_EQ(spelled("x_y-z..."), "x |_ |y |- |z |... |");
}

TEST(Tokenizer, NormalisesUnicode) {
  EXPECT_EQ(encode("caf\u00e9"), encode("cafe\u0301"));                                 // NFC
  EXPECT_EQ(encode("\u6771\u4eac"), encode("\u6771 \u4eac"));                           // ideographs stand alone
  EXPECT_EQ(encode("\u00dcBER"), encode("\u00fcber"));                                  // lower case beyond ASCII
  EXPECT_EQ(encode("\u039f\u03a3 \u03a3\u039f"), encode("\u03bf\u03c2 \u03c3\u03bf"));  // final sigma
  EXPECT_EQ(encode("\u0130x"), encode("i\u0307x"));
  EXPECT_EQ(encode("a\u200bb\u0007c"), encode("abc"));  // control and format characters go
  EXPECT_EQ(encode("a\u00a0b\u2028c"), encode("a b c"));
}

TEST(Tokenizer, UnusualScripts) {
  EXPECT_EQ(encode("\u043f\u0440\u0438\u0432\u0435\u0442,"), (Ids{26302, 16370, 29503, 110, 22176, 141, 480, 267}));
  EXPECT_EQ(encode("\ufb01 \u2460"), (Ids{171, 105, 479, 158, 239, 510}));
  EXPECT_EQ(encode("\u043c\u0438\u0440! 12"), (Ids{38018, 16701, 141, 478, 256, 272, 273}));
}

TEST(Tokenizer, MarksInsideTheText) {
  EXPECT_EQ(encode("a<|endoftext|>cat <|startoftext|>"), (Ids{320, 49407, 2368, 49406}));
  EXPECT_EQ(encode("<|ENDOFTEXT|>"), Ids{49407});
}

TEST(Tokenizer, BrokenUtf8IsLeftOut) {
  EXPECT_EQ(encode("c\xff"
                   "at\xc3"),
            encode("cat"));
  EXPECT_EQ(encode("\xed\xa0\x80"
                   "cat\xf8\x88\x80\x80\x80"),
            encode("cat"));
}

TEST(Tokenizer, EveryMergeMakesItsOwnToken) {
  for (int32_t id = 512; id < Tokenizer::kStartToken; ++id) {
    const std::string piece = Tokenizer::clip().text_of(id);
    ASSERT_GT(piece.size(), 1u);
  }
  EXPECT_EQ(Tokenizer::clip().text_of(320), "a ");
  EXPECT_THROW(Tokenizer::clip().text_of(49408), Error);
  EXPECT_THROW(Tokenizer::clip().text_of(-1), Error);
}

// Processor time of this thread in seconds, which other work on the machine does not count to.
double processor_time() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Four times as long a text takes four times as long, not sixteen times.
TEST(Tokenizer, HugeWordsTakeNoQuadraticTime) {
  const auto seconds = [](const std::function<std::string(int64_t)>& text, int64_t n, size_t least) {
    const std::string all = text(n);
    const double start = processor_time();
    EXPECT_GT(encode(all).size(), least);
    return processor_time() - start;
  };
  const std::function<std::string(int64_t)> texts[] = {
      [](int64_t n) { return std::string(static_cast<size_t>(8 * n), 'x'); },
      [](int64_t n) {
        std::string marks;
        for (int64_t i = 0; i < n; ++i) marks += "<|startoftext|>";
        return marks;
      },
      // Accents of two classes in the wrong order, which normalisation has to sort.
      [](int64_t n) {
        std::string accents = "e";
        for (int64_t i = 0; i < n; ++i) accents += "\xcc\x81\xcc\x96";
        return accents;
      }};
  for (const auto& text : texts) EXPECT_LT(seconds(text, 120000, 1000), 10 * seconds(text, 30000, 1000) + 0.02);
}

}  // namespace
}  // namespace easel::text
