// Easel started from a menu rather than a terminal.
#pragma once

#include <cstdint>
#include <string>

namespace easel::cli {

// Makes ~/Easel and its models/ the place where this process works. Throws Error(kMissing) without a home,
// Error(kUsage) when the folder cannot be made.
void work_in_home();

// Whether a program on this machine listens on that port: mostly the Easel that was started before.
bool is_served(uint16_t port);

// Shows an address in the person's browser, without waiting for it. False when there is none to be started.
bool open_in_browser(const std::string& url);

}  // namespace easel::cli
