// A small synchronous HTTP client, for talking to a server from the command line.
#pragma once

#include <string>

namespace easel::server {

struct ClientResponse {
  int status = 0;
  std::string content_type, body;
};

class HttpClient {
 public:
  // `url`: "http://host:port", port 8188 when left out. Throws Error(kUsage) for anything else.
  HttpClient(const std::string& url, std::string token);

  // Throws Error(kMissing) when the server cannot be reached. `seconds`: how long an answer may take.
  ClientResponse get(const std::string& target, int seconds = 60) const;
  ClientResponse post(const std::string& target, const std::string& body, int seconds = 60) const;

 private:
  ClientResponse exchange(bool post, const std::string& target, const std::string& body, int seconds) const;

  std::string host_, port_, token_;
};

}  // namespace easel::server
