// Bodies of forms: the first line is the content type, the rest the body.
#include "server/http/multipart.h"

#include "fuzz/fuzz.h"

namespace easel::fuzz {
namespace {

void read(Bytes bytes) {
  std::string_view body = text_of(bytes);
  const std::string type(cut(body));
  for (const server::FormPart& part : server::parse_multipart(type, body))
    require(part.data.empty() ||
            (part.data.data() >= body.data() && part.data.data() + part.data.size() <= body.data() + body.size()));
}

}  // namespace
}  // namespace easel::fuzz

EASEL_FUZZ(easel::fuzz::read)
