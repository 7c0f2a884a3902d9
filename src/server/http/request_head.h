// The head of a request, as bytes: read more strictly than the HTTP parser does. Where two programs in a row read one
// head differently, somebody can hide a second request in the first, so what is not plainly HTTP/1.1 is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace easel::server {

// Why a head is refused: the status to answer with, and one sentence.
struct HeadFault {
  int status = 400;
  std::string message;
};

// The length of a head with the empty line at its end; nothing while that line has not arrived.
std::optional<size_t> head_length(std::string_view received);

// Whether a carriage return or a line feed stands alone somewhere; one at the very end may still get its partner.
bool has_lone_line_end(std::string_view received);

// What is wrong with a whole head (RFC 9112): lines that do not end in CR LF, a field that is continued on the next
// line, blanks before a colon, control characters; Host missing, twice, or no "name:port"; a length that is not plain
// digits, or given twice or beside a transfer coding; any transfer coding but exactly "chunked" (501).
std::optional<HeadFault> fault_of_head(std::string_view head);

}  // namespace easel::server
