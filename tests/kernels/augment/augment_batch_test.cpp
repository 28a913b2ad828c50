// The batch op on each device: flip, crop and normalisation against their definition; policies against the chain of
// single operations; independence of batch, threads and device.
#include "kernels/augment/augment_batch.h"

#include "kernels/augment/apply.h"
#include "kernels/augment/plan.h"
#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::augment {
namespace {

using test::Class;
using test::Guarded;
using test::StateOnDevice;

constexpr Policy kPolicies[] = {Policy::none,
                                Policy::randaugment_kekmodel,
                                Policy::randaugment_lee,
                                Policy::randaugment_google,
                                Policy::cutout,
                                Policy::ctaugment,
                                Policy::ctaugment_probe};
constexpr NormalizeConfig kCifar{{0.4914f, 0.4822f, 0.4465f}, {0.2471f, 0.2435f, 0.2616f}};

struct Size {
  int64_t width, height;
};

// Rates that forbid some bins and weigh others.
std::vector<float> some_rates() {
  std::vector<float> rates;
  for (int i = 0; i < kCtRows * kCtBins; ++i) rates.push_back(i % 3 ? 1.0f - 0.01f * float(i % 7) : 0.5f);
  return rates;
}

// n images, each with its own range of values so that autocontrast and equalize have work.
std::vector<uint8_t> pool_of(int64_t n, Size size) {
  std::vector<uint8_t> pool;
  for (int64_t i = 0; i < n; ++i) {
    Draws draws(11, Purpose::test, i, 0);
    const uint32_t low = draws.below(100), span = 1 + draws.below(150);
    for (int64_t k = 0; k < size.width * size.height * 3; ++k) pool.push_back(uint8_t(low + draws.below(span)));
  }
  return pool;
}
std::vector<int64_t> ids_of(int64_t batch, int64_t n) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < batch; ++i) ids.push_back((i * 5 + 2) % n);
  return ids;
}

template <class T = float>
std::vector<T> run(Context& context, const AugmentConfig& config, const std::vector<uint8_t>& pool, Size size,
                   const std::vector<int64_t>& ids, int64_t step) {
  const int64_t batch = int64_t(ids.size()), pixels = size.width * size.height * 3;
  const Guarded<uint8_t, 4> images(context, {int64_t(pool.size()) / pixels, size.height, size.width, 3}, pool,
                                   "images");
  const Guarded<int64_t, 1> id(context, {batch}, ids, "ids");
  const Guarded<T, 4> y(context, {batch, size.height, size.width, 3}, std::vector<T>(batch * pixels, T(-9.0f)), "y");
  const StateOnDevice state(context, {.step = step, .learning_rate = 0, .ema_decay = 0, .consistency_weight = 0});
  const Guarded<float, 2> rates(context, {kCtRows, kCtBins}, some_rates(), "rates");
  if (config.strong == Policy::ctaugment)
    context.visit([&](auto& backend) { augment_batch(backend, y.view(), images, id, state.view(), config, rates); });
  else if constexpr (std::is_same_v<T, float>)
    augment_batch(context, y.view(), images, id, state.view(), config);
  else
    context.visit([&](auto& backend) { augment_batch(backend, y.view(), images, id, state.view(), config); });
  return y.get();
}

// The window by its definition: flip, pad to a larger image, cut out.
std::vector<uint8_t> windowed(const uint8_t* image, Size size, const AugmentConfig& config, bool flip, int left,
                              int top) {
  const int64_t w = size.width, h = size.height, p = config.crop_pad;
  std::vector<uint8_t> padded((w + 2 * p) * (h + 2 * p) * 3, 0), out;
  for (int64_t y = -p; y < h + p; ++y)
    for (int64_t x = -p; x < w + p; ++x) {
      int64_t sx = x, sy = y;
      if (config.padding == Padding::reflect)
        sx = w - 1 - std::abs(w - 1 - std::abs(x)), sy = h - 1 - std::abs(h - 1 - std::abs(y));
      if (sx < 0 || sx >= w || sy < 0 || sy >= h) continue;
      const int64_t column = flip ? w - 1 - sx : sx;
      for (int c = 0; c < 3; ++c) padded[((y + p) * (w + 2 * p) + x + p) * 3 + c] = image[(sy * w + column) * 3 + c];
    }
  for (int64_t y = top; y < top + h; ++y)
    for (int64_t i = left * 3; i < (left + w) * 3; ++i) out.push_back(padded[y * (w + 2 * p) * 3 + i]);
  return out;
}

class AugmentBatch : public test::OnDevice {};

TEST_P(AugmentBatch, WeakEqualsTheDefinition) {
  for (const Size size : {Size{16, 16}, {32, 32}, {17, 23}, {5, 1}, {96, 96}, {97, 96}})
    for (const Padding padding : {Padding::reflect, Padding::zero})
      for (const int pad : {0, 2, 4})
        for (const int64_t batch : {0, 1, 37}) {
          if (padding == Padding::reflect && pad >= size.height) continue;
          if (size.width >= 96 && batch > 1) continue;
          AugmentConfig config{.seed = 9, .purpose = Purpose::weak_augment, .flip = pad != 2, .crop_pad = pad};
          config.padding = padding, config.normalize = kCifar;
          const auto pool = pool_of(7, size);
          const auto ids = ids_of(batch, 7);
          std::vector<double> expected;
          for (int64_t i = 0; i < batch; ++i) {
            Draws draws(9, Purpose::weak_augment, ids[i] | i << 32, 70);
            const bool flip = draws.coin() && config.flip;
            const int left = int(draws.below(2 * pad + 1)), top = int(draws.below(2 * pad + 1));
            const auto image = windowed(&pool[ids[i] * size.width * size.height * 3], size, config, flip, left, top);
            for (size_t k = 0; k < image.size(); ++k)
              expected.push_back((image[k] / 255.0 - kCifar.mean[k % 3]) / kCifar.std[k % 3]);
          }
          test::expect_close(run(context, config, pool, size, ids, 70), expected, Class::point, Dtype::f32, "y");
        }
}

TEST_P(AugmentBatch, OneCropPerBatch) {
  const Size size{16, 16};
  const auto pool = pool_of(1, size);
  AugmentConfig config{.seed = 2, .flip = false, .crop_pad = 2, .crop_per_batch = true};
  std::vector<std::vector<float>> steps;
  for (int64_t step = 0; step < 50; ++step) {
    const auto y = run(context, config, pool, size, {0, 0, 0}, step);
    const size_t n = y.size() / 3;
    const std::vector<float> first(y.begin(), y.begin() + n);
    EXPECT_TRUE(std::equal(first.begin(), first.end(), y.begin() + n));
    EXPECT_TRUE(std::equal(first.begin(), first.end(), y.begin() + 2 * n));
    if (std::find(steps.begin(), steps.end(), first) == steps.end()) steps.push_back(first);
  }
  EXPECT_GT(steps.size(), 15u);  // of 25 offsets
}

// A policy is its operations, one after the other, in the documented order. `covered` follows Google's alpha channel.
std::vector<float> chain(const AugmentConfig& config, const std::vector<uint8_t>& image, Size size, const Plan& plan) {
  const bool lee = config.strong == Policy::randaugment_lee, google = config.strong == Policy::randaugment_google;
  const auto window = [&](const std::vector<uint8_t>& in) {
    const Window& w = plan.window;
    return windowed(in.data(), size, config, w.flip, w.dx + config.crop_pad, w.dy + config.crop_pad);
  };
  const auto apply_to = [&](const PlannedOp& planned, const std::vector<uint8_t>& in) {
    const std::string name = names()[int(planned.op)].name;
    auto out = apply(name, planned.value, View<const uint8_t, 3>{in.data(), {size.height, size.width, 3}, {}, ""});
    if (name == "cutout") {  // there about the image's centre
      const int64_t half = int64_t(planned.value) / 2;
      for (int64_t k = 0; k < int64_t(in.size()); ++k) {
        const int64_t x = k / 3 % size.width - planned.x, y = k / 3 / size.width - planned.y;
        out[k] = x >= -half && x < half && y >= -half && y < half ? 127 : in[k];
      }
    }
    for (size_t k = 0; k < in.size(); ++k)
      if (planned.mix != 1) out[k] = uint8_t(float(in[k]) + planned.mix * float(int(out[k]) - int(in[k])));
    return out;
  };
  std::vector<uint8_t> now = lee ? image : window(image), covered(image.size(), 255);
  for (int s = 0; s < plan.op_count; ++s) {
    const std::string name = names()[int(plan.ops[s].op)].name;
    now = apply_to(plan.ops[s], now);
    if (name == "rotate" || name.starts_with("shear") || name.starts_with("translate"))
      covered = apply_to(plan.ops[s], covered);
    else if (name != "brightness" && name != "color" && name != "contrast" && name != "sharpness")
      covered.assign(covered.size(), 255);
  }
  const Cutout& cut = plan.cutout;
  for (int64_t y = std::max(0, cut.y0); y <= std::min<int64_t>(cut.y1, size.height - 1); ++y)
    for (int64_t x = std::max(0, cut.x0); x <= std::min<int64_t>(cut.x1, size.width - 1); ++x)
      for (int c = 0; c < 3; ++c) {
        now[(y * size.width + x) * 3 + c] = cut.color.c[c];
        covered[(y * size.width + x) * 3 + c] = cut.color.covered;
      }
  if (lee) now = window(now);
  std::vector<float> out;
  for (size_t k = 0; k < now.size(); ++k) {
    const float mid_grey = (0.5f - config.normalize.mean[k % 3]) / config.normalize.std[k % 3];
    out.push_back(google && covered[k] == 0 ? mid_grey : config.normalize(now[k], int(k % 3)));
  }
  return out;
}

TEST_P(AugmentBatch, PoliciesAreTheChainOfTheirOperations) {
  const std::vector<float> rates = some_rates();
  for (const Size size : {Size{32, 32}, {17, 23}, {97, 96}})  // the last one: 14 are more than blocks of the emulator
    for (const Policy policy : kPolicies) {
      AugmentConfig config{.seed = 5, .purpose = Purpose::strong_augment, .strong = policy, .normalize = kCifar};
      if (policy == Policy::randaugment_lee) config.padding = Padding::zero;
      const auto pool = pool_of(11, size);
      const auto ids = ids_of(size.width > 96 ? 14 : 60, 11);
      const int64_t pixels = size.width * size.height * 3;
      std::vector<float> expected;
      for (int64_t i = 0; i < int64_t(ids.size()); ++i) {
        const Plan plan = draw_plan(config, ids[i], i, 31, int(size.width), int(size.height), rates.data());
        const std::vector<uint8_t> image(&pool[ids[i] * pixels], &pool[ids[i] * pixels] + pixels);
        for (float v : chain(config, image, size, plan)) expected.push_back(v);
      }
      test::expect_close(run(context, config, pool, size, ids, 31), expected, Class::exact, Dtype::f32, "y");
    }
}

TEST_P(AugmentBatch, SameBitsForAnyBatchThreadsAndDevice) {
  const Size size{16, 16};
  const auto pool = pool_of(13, size);
  const auto ids = ids_of(150, 13);
  const std::vector<int64_t> few(ids.begin(), ids.begin() + 7);
  Context cpu = Context::cpu(1);
  for (const Policy policy : kPolicies) {
    const AugmentConfig config{.seed = 1, .strong = policy, .normalize = kCifar};
    const auto all = run(context, config, pool, size, ids, 4), some = run(context, config, pool, size, few, 4);
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << "batch, policy " << int(policy);
    EXPECT_EQ(run(cpu, config, pool, size, ids, 4), all) << "device, policy " << int(policy);
  }
}

TEST_P(AugmentBatch, TwoCopiesInABatchDiffer) {
  const Size size{32, 32};
  const auto y = run(context, {.strong = Policy::randaugment_lee}, pool_of(1, size), size, {0, 0}, 0);
  EXPECT_FALSE(std::equal(y.begin(), y.begin() + y.size() / 2, y.begin() + y.size() / 2));
}

TEST_P(AugmentBatch, Bf16RoundsTheSameValues) {
  const Size size{17, 23};
  const auto pool = pool_of(3, size);
  const AugmentConfig config{.strong = Policy::randaugment_kekmodel, .normalize = kCifar};
  const auto full = run(context, config, pool, size, {0, 1, 2}, 8);
  const auto half = run<bf16>(context, config, pool, size, {0, 1, 2}, 8);
  for (size_t i = 0; i < full.size(); ++i) ASSERT_EQ(half[i].bits, bf16(full[i]).bits) << i;
}

TEST_P(AugmentBatch, Errors) {
  const auto message = [&](const AugmentConfig& config, Size size) -> std::string {
    try {
      run(context, config, pool_of(1, size), size, {0}, 0);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::config);
      return e.what();
    }
    return "no error";
  };
  EXPECT_EQ(message({.crop_pad = 4}, {4, 8}), "crop_pad is 4, images of 8x4 allow 0 to 3; choose a smaller crop_pad");
  EXPECT_EQ(message({.crop_pad = 0}, {513, 512}),
            "images of 512x513 are too large: training augments images of at most 262144 pixels (512x512); scale them "
            "down (data.resize)");
}

CRC_ON_EACH_DEVICE(AugmentBatch);

}  // namespace
}  // namespace crc::augment
