// Who may talk to the server: Host and Origin checks, the token, cross-origin headers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/http/http.h"

namespace easel::server {

struct AccessPolicy {
  bool loopback_only = true;               // Host must then name this machine itself
  std::string token;                       // empty: none needed
  std::string fleet_token;                 // of runners and other front ends; empty: there are none
  std::vector<std::string> allowed_hosts;  // further values of Host (without port) to accept
  std::vector<std::string> cors_origins;   // origins that may read answers; "*" for any
};

// Nothing if the request is allowed, else the 401 or 403 response.
//  - Host: on loopback it must be localhost, 127.x.x.x, [::1] or an allowed name (against DNS rebinding).
//  - Origin, when present, must be the server's own or one of cors_origins (against other pages' scripts).
//  - Sec-Fetch-Site: cross-site is refused unless the origin is allowed.
//  - the paths below /fleet/ take the fleet's token, and no other; without one they are closed.
//  - the token for all else, when there is one: "Authorization: Bearer T", "?token=T" or the cookie easel_token=T.
std::optional<Response> refuse(const AccessPolicy& policy, const Request& request);

// Adds the cross-origin headers the request's origin is entitled to, and the ones every answer carries.
void add_standard_headers(const AccessPolicy& policy, const Request& request, Response& response);

}  // namespace easel::server
