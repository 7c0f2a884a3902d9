// A front end's answers to runners and other front ends that bring and fetch contents of pictures:
// /fleet/blobs/{sha256}.
#pragma once

#include "artifacts/blobs.h"
#include "server/http/http.h"

namespace easel::server {

// Only what is here: whoever asks asks the others itself. Throws Error(kInvalid) for what is no SHA-256.
Response get_content(const artifacts::FolderBlobs& own, const Request& request);
// Throws Error(kInvalid) for another content than the address names; nothing is kept then.
Response put_content(artifacts::FolderBlobs& own, const Request& request);

}  // namespace easel::server
