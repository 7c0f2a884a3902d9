// From the editor's graph to the API prompt and back.
#pragma once

#include "workflow/convert/graph.h"
#include "workflow/prompt.h"
#include "workflow/schema.h"

namespace easel::workflow {

// The prompt the editor would queue for this graph: notes, reroutes, primitives, muted and bypassed nodes are
// gone, links go to where the data really comes from, widgets have their names, texts are as the editor rewrites them
// (convert/dynamic_text.h). Nodes the table does not know
// keep what can be told of them, so that validation can name them. Throws Error(kInvalid) when two nodes have one id.
Prompt to_prompt(const Graph& graph, const NodeTable& table);

// A graph of the prompt that opens in the editor, with the nodes in columns by their distance from the start. Never
// throws for a bad prompt: parts that cannot be converted are left out.
Json to_graph(const Prompt& prompt, const NodeTable& table);

}  // namespace easel::workflow
