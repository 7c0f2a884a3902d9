// The broadcasting nodes of cg-use-everywhere: what comes into them goes to every input that fits and has no link.
#pragma once

#include "workflow/convert/subgraph.h"

namespace easel::workflow {

// "Anything Everywhere", "Anything Everywhere?", "Anything Everywhere3", "Prompts Everywhere", "Seed Everywhere".
bool is_everywhere_node(const std::string& type);

// Adds to one level of a graph the links that these nodes make: those that the extension wrote down when the workflow
// was saved (extra.ue_links), and where it wrote none, those that follow from its rules: types, regular expressions
// for titles and names of inputs, groups and colours, priorities; an input that two fit equally well stays unlinked.
void add_everywhere_links(RawGraph& level);

}  // namespace easel::workflow
