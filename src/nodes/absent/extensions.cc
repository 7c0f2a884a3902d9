// In place of src/nodes/extensions: a build without them has the nodes of ComfyUI alone, and nothing else asks for
// them.
