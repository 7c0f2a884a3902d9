// What Impact-Pack's texts with choices have in common.
#pragma once

#include <string>

namespace easel::nodes {

// Lines that begin with # are left out; what comes after one is joined to the line before it.
std::string without_comment_lines(const std::string& text);

// Whether a text names a file of choices: __name__.
bool names_a_file(const std::string& text);

}  // namespace easel::nodes
