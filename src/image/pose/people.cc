#include "image/pose/people.h"

#include <algorithm>
#include <cmath>

#include "base/cancel.h"
#include "base/error.h"
#include "image/pose/score_maps.h"

namespace easel::image {
namespace {

constexpr size_t kMostPeaks = 2000;  // of one part; a picture of people has a few
constexpr int kSamples = 10;         // along a limb

struct Limb {
  size_t from, to;  // parts
  int64_t field;    // channel of its direction's x; y follows
};
constexpr std::array<Limb, 19> kLimbs{{{1, 2, 12},
                                       {1, 5, 20},
                                       {2, 3, 14},
                                       {3, 4, 16},
                                       {5, 6, 22},
                                       {6, 7, 24},
                                       {1, 8, 0},
                                       {8, 9, 2},
                                       {9, 10, 4},
                                       {1, 11, 6},
                                       {11, 12, 8},
                                       {12, 13, 10},
                                       {1, 0, 28},
                                       {0, 14, 30},
                                       {14, 16, 34},
                                       {0, 15, 32},
                                       {15, 17, 36},
                                       {2, 16, 18},
                                       {5, 17, 26}}};
constexpr size_t kLimbsOfNewPeople = 17;  // the last two only join parts that belong to somebody

struct Peak {
  int64_t x = 0, y = 0;
  double score = 0;
};

// Places that no neighbour exceeds, row after row.
std::vector<Peak> peaks_of(const Tensor& heat, int64_t part) {
  constexpr double kLeast = 0.1;
  const int64_t height = heat.dim(0), width = heat.dim(1), channels = heat.dim(2);
  const ClaimedVector<double> smooth = smoothed_channel(heat, part);
  const auto at = [&](int64_t y, int64_t x) {
    return y < 0 || x < 0 || y >= height || x >= width ? 0.0 : smooth[static_cast<size_t>(y * width + x)];
  };
  std::vector<Peak> out;
  for (int64_t y = 0; y < height; ++y) {
    poll_cancelled();
    for (int64_t x = 0; x < width; ++x) {
      const double v = at(y, x);
      if (!(v > kLeast) || v < at(y - 1, x) || v < at(y + 1, x) || v < at(y, x - 1) || v < at(y, x + 1)) continue;
      if (out.size() == kMostPeaks)
        throw Error(Fault::kUnsupported,
                    "the network sees a part of a body in more than " + std::to_string(kMostPeaks) + " places")
            .fix("Use the published file body_pose_model.pth, and a picture of people");
      out.push_back({x, y, static_cast<double>(heat.f32()[(y * width + x) * channels + part])});
    }
  }
  return out;
}

struct Connection {
  size_t from = 0, to = 0;  // peaks among those of their parts
  double score = 0;
};

// What the field along the way says of a limb between two peaks; nothing if it says no.
std::optional<double> limb_score(const Tensor& fields, int64_t channel, const Peak& from, const Peak& to) {
  constexpr double kNear = 0.001, kAgrees = 0.05, kMostAgree = 0.8;
  const auto dx = static_cast<double>(to.x - from.x), dy = static_cast<double>(to.y - from.y);
  const double length = std::max(kNear, std::sqrt(dx * dx + dy * dy));
  const double x_part = dx / length, y_part = dy / length;
  const int64_t width = fields.dim(1), channels = fields.dim(2);
  double sum = 0;
  int agree = 0;
  for (int i = 0; i < kSamples; ++i) {
    const auto along = [&](int64_t begin, int64_t end) {
      if (i == kSamples - 1) return end;
      const double step = static_cast<double>(end - begin) / (kSamples - 1);
      return round_half_even(static_cast<double>(i) * step + static_cast<double>(begin));
    };
    const float* const field = fields.f32() + (along(from.y, to.y) * width + along(from.x, to.x)) * channels + channel;
    const double score = static_cast<double>(field[0]) * x_part + static_cast<double>(field[1]) * y_part;
    sum += score;
    agree += score > kAgrees ? 1 : 0;
  }
  const double score = sum / kSamples + std::min(0.5 * static_cast<double>(fields.dim(0)) / length - 1, 0.0);
  if (!(agree > kMostAgree * kSamples) || !(score > 0)) return std::nullopt;
  return score;
}

// Each peak in one limb of a kind, the best ones first.
std::vector<Connection> connections(const Tensor& fields, const Limb& limb, const std::vector<Peak>& from,
                                    const std::vector<Peak>& to) {
  std::vector<Connection> candidates;
  for (size_t i = 0; i < from.size(); ++i) {
    poll_cancelled();
    for (size_t j = 0; j < to.size(); ++j)
      if (const auto score = limb_score(fields, limb.field, from[i], to[j])) candidates.push_back({i, j, *score});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Connection& a, const Connection& b) { return a.score > b.score; });
  std::vector<Connection> out;
  std::vector<bool> from_used(from.size()), to_used(to.size());
  for (const Connection& c : candidates)
    if (!from_used[c.from] && !to_used[c.to]) {
      from_used[c.from] = to_used[c.to] = true;
      out.push_back(c);
    }
  return out;
}

// A person while limbs are put together: peaks by their numbers among all, -1 where there is none.
struct Assembled {
  Assembled() { parts.fill(-1); }
  std::array<int64_t, kBodyParts> parts{};
  double score = 0;
  int64_t count = 0;

  bool shares_a_part(const Assembled& other) const {
    for (size_t i = 0; i < kBodyParts; ++i)
      if (parts[i] >= 0 && other.parts[i] >= 0) return true;
    return false;
  }
  void take(const Assembled& other) {
    for (size_t i = 0; i < kBodyParts; ++i) parts[i] += other.parts[i] + 1;
    score += other.score;
    count += other.count;
  }
};

// One more limb, between peaks `a` and `b` of all; `ends` are their scores.
void add_limb(std::vector<Assembled>& people, const Limb& limb, int64_t a, int64_t b, std::array<double, 2> ends,
              double score, bool may_be_new) {
  std::vector<size_t> found;
  for (size_t j = 0; j < people.size() && found.size() < 2; ++j)
    if (people[j].parts[limb.from] == a || people[j].parts[limb.to] == b) found.push_back(j);
  const auto extend = [&](Assembled& person) {
    person.parts[limb.to] = b;
    ++person.count;
    person.score += ends[1] + score;
  };
  if (found.size() == 1) {
    if (Assembled& person = people[found[0]]; person.parts[limb.to] != b) extend(person);
  } else if (found.size() == 2) {
    Assembled& person = people[found[0]];
    if (person.shares_a_part(people[found[1]])) {
      extend(person);
    } else {
      person.take(people[found[1]]);
      person.score += score;
      people.erase(people.begin() + static_cast<int64_t>(found[1]));
    }
  } else if (may_be_new) {
    Assembled person;
    person.parts[limb.from] = a;
    person.parts[limb.to] = b;
    person.count = 2;
    person.score = ends[0] + ends[1] + score;
    people.push_back(person);
  }
}

double larger_side(const Keypoint& a, const Keypoint& b) {
  return std::max(std::fabs(a.x - b.x), std::fabs(a.y - b.y));
}

std::optional<Square> hand_place(const Body& body, std::array<size_t, 3> arm, int64_t height, int64_t width) {
  const auto &shoulder = body.parts[arm[0]], &elbow = body.parts[arm[1]], &wrist = body.parts[arm[2]];
  if (!shoulder || !elbow || !wrist) return std::nullopt;
  constexpr double kBeyondWrist = 0.33, kAround = 1.5, kUpperArm = 0.9, kLeast = 20;
  const auto distance = [](const Keypoint& a, const Keypoint& b) {
    return std::sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
  };
  double side = kAround * std::max(distance(*wrist, *elbow), kUpperArm * distance(*elbow, *shoulder));
  const double x = std::max(0.0, wrist->x + kBeyondWrist * (wrist->x - elbow->x) - side / 2),
               y = std::max(0.0, wrist->y + kBeyondWrist * (wrist->y - elbow->y) - side / 2);
  side = std::min({side, static_cast<double>(width) - x, static_cast<double>(height) - y});
  if (!(side >= kLeast)) return std::nullopt;
  return Square{static_cast<int64_t>(x), static_cast<int64_t>(y), static_cast<int64_t>(side)};
}

}  // namespace

std::vector<Body> find_bodies(const Tensor& heat, const Tensor& fields) {
  std::array<std::vector<Peak>, kBodyParts> peaks;
  std::array<int64_t, kBodyParts> first{};  // number of each part's first peak among all
  std::vector<Peak> all;
  for (size_t part = 0; part < kBodyParts; ++part) {
    peaks[part] = peaks_of(heat, static_cast<int64_t>(part));
    first[part] = static_cast<int64_t>(all.size());
    all.insert(all.end(), peaks[part].begin(), peaks[part].end());
  }
  std::vector<Assembled> people;
  for (size_t k = 0; k < kLimbs.size(); ++k) {
    const Limb& limb = kLimbs[k];
    for (const Connection& c : connections(fields, limb, peaks[limb.from], peaks[limb.to]))
      add_limb(people, limb, first[limb.from] + static_cast<int64_t>(c.from),
               first[limb.to] + static_cast<int64_t>(c.to),
               {peaks[limb.from][c.from].score, peaks[limb.to][c.to].score}, c.score, k < kLimbsOfNewPeople);
  }
  constexpr int64_t kFewestParts = 4;
  constexpr double kLeastScore = 0.4;
  std::vector<Body> out;
  for (const Assembled& person : people) {
    if (person.count < kFewestParts || person.score / static_cast<double>(person.count) < kLeastScore) continue;
    Body body;
    for (size_t i = 0; i < kBodyParts; ++i)
      if (const int64_t n = person.parts[i]; n >= 0 && n < static_cast<int64_t>(all.size())) {
        const Peak& peak = all[static_cast<size_t>(n)];
        body.parts[i] = Keypoint{static_cast<double>(peak.x), static_cast<double>(peak.y), peak.score};
      }
    out.push_back(body);
  }
  return out;
}

HandPlaces hand_places(const Body& body, int64_t height, int64_t width) {
  return {hand_place(body, {5, 6, 7}, height, width), hand_place(body, {2, 3, 4}, height, width)};
}

std::optional<Square> face_place(const Body& body, int64_t height, int64_t width) {
  constexpr double kOfEyes = 3, kOfEars = 1.5, kLeast = 20;
  constexpr std::array<std::pair<size_t, double>, 4> kAround{
      {{14, kOfEyes}, {15, kOfEyes}, {16, kOfEars}, {17, kOfEars}}};
  const auto& nose = body.parts[0];
  if (!nose) return std::nullopt;
  bool any = false;
  double reach = 0;
  for (const auto& [part, factor] : kAround)
    if (const auto& other = body.parts[part]) {
      any = true;
      reach = std::max(reach, larger_side(*nose, *other) * factor);
    }
  if (!any) return std::nullopt;
  const double x = std::max(0.0, nose->x - reach), y = std::max(0.0, nose->y - reach);
  // A square that only its second half leads out of the picture stays as it is: what is cut out is smaller then.
  const double across = x + reach > static_cast<double>(width) ? static_cast<double>(width) - x : 2 * reach,
               down = y + reach > static_cast<double>(height) ? static_cast<double>(height) - y : 2 * reach;
  const double side = std::min(across, down);
  if (!(side >= kLeast)) return std::nullopt;
  return Square{static_cast<int64_t>(x), static_cast<int64_t>(y), static_cast<int64_t>(side)};
}

SmallParts in_picture(const std::vector<std::array<int64_t, 2>>& peaks, int64_t x, int64_t y, int64_t height,
                      int64_t width) {
  const auto part = [](int64_t v, int64_t offset, int64_t size) {
    return (v == 0 ? -1.0f : static_cast<float>(v) + static_cast<float>(offset)) / static_cast<float>(size);
  };
  SmallParts out;
  for (const auto& [px, py] : peaks) out.push_back({part(px, x, width), part(py, y, height)});
  return out;
}

std::vector<std::array<int64_t, 2>> face_peaks(const Tensor& heat) {
  constexpr float kLeast = 0.05f;
  const int64_t height = heat.dim(0), width = heat.dim(1), channels = heat.dim(2);
  std::vector<std::array<int64_t, 2>> out;
  for (int64_t c = 0; c < channels; ++c) {
    int64_t best = -1;
    for (int64_t i = 0; i < height * width; ++i)
      if (const float v = heat.f32()[i * channels + c]; v > kLeast && (best < 0 || v > heat.f32()[best * channels + c]))
        best = i;
    if (best >= 0) out.push_back({best % width, best / width});
  }
  return out;
}

}  // namespace easel::image
