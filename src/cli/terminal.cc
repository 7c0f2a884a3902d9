#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace easel::cli {
namespace {

constexpr double kRedraw = 0.1;     // seconds between drawings of the bar
constexpr double kPlainEvery = 10;  // seconds between plain lines

std::string styled(std::string_view text, const char* code) {
  const char* no_color = std::getenv("NO_COLOR");
  if (!interactive() || (no_color && *no_color)) return std::string(text);
  return std::string("\033[") + code + "m" + std::string(text) + "\033[0m";
}

int columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string number(double value) {
  char text[32];
  snprintf(text, sizeof text, value == std::floor(value) ? "%.0f" : "%.1f", value);
  return text;
}

double since(std::chrono::steady_clock::time_point t) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - t).count();
}

}  // namespace

bool interactive() {
  static const bool yes = isatty(STDERR_FILENO) != 0;
  return yes;
}

std::string bold(std::string_view text) { return styled(text, "1"); }
std::string red(std::string_view text) { return styled(text, "31;1"); }
std::string dim(std::string_view text) { return styled(text, "2"); }

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) out.append(i ? between : "").append(words[i]);
  return out;
}

std::string human_bytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  snprintf(text, sizeof text, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string human_seconds(double seconds) {
  char text[48];
  if (seconds < 10) snprintf(text, sizeof text, "%.1f s", seconds);
  else if (seconds < 100) snprintf(text, sizeof text, "%.0f s", seconds);
  else if (seconds < 3600)
    snprintf(text, sizeof text, "%d min %d s", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
  else
    snprintf(text, sizeof text, "%d h %d min", static_cast<int>(seconds) / 3600, static_cast<int>(seconds) / 60 % 60);
  return text;
}

ProgressBar::ProgressBar(std::string label, Clock::time_point start) : label_(std::move(label)), start_(start) {}

ProgressBar::~ProgressBar() { finish(); }

std::string ProgressBar::line(double seconds) const {
  std::string text = label_ + " " + number(done_) + "/" + number(total_);
  const bool slow = unit_ != "MiB";  // seconds for each, not so many a second
  if (!slow) text += " " + unit_;
  if (done_ > 0 && seconds > 0) {
    text += ", " + (slow ? human_seconds(seconds / done_) + "/" + unit_
                         : number(std::round(done_ / seconds)) + " " + unit_ + "/s");
    text += done_ < total_ ? ", " + human_seconds(seconds / done_ * (total_ - done_)) + " left"
                           : ", " + human_seconds(seconds);
  }
  return text;
}

void ProgressBar::update(double done, double total, std::string_view unit) {
  done_ = done;
  total_ = total;
  unit_ = unit;
  if (finished_) return;
  const bool last = done >= total;
  if (open_ && !last && since(drawn_) < (interactive() ? kRedraw : kPlainEvery)) return;
  if (!interactive()) {
    // The first call only starts the clock, so that quick work prints one line.
    if (open_ && !last) fprintf(stderr, "%s\n", line(since(start_)).c_str());
    open_ = true;
    drawn_ = Clock::now();
    return;
  }
  open_ = true;
  drawn_ = Clock::now();
  const std::string text = line(since(start_));
  const int room = std::clamp(columns() - static_cast<int>(text.size()) - 4, 0, 30);
  const int filled = total > 0 ? static_cast<int>(std::lround(room * std::clamp(done / total, 0.0, 1.0))) : 0;
  std::string bar;
  for (int i = 0; i < room; ++i) bar += i < filled ? "█" : "░";
  fprintf(stderr, "\r\033[K%s %s", bar.c_str(), text.c_str());
  fflush(stderr);
}

void ProgressBar::finish() {
  if (finished_ || !open_) return;
  finished_ = true;
  if (interactive()) fprintf(stderr, "\n");
  else fprintf(stderr, "%s\n", line(since(start_)).c_str());
}

}  // namespace easel::cli
