// Batch normalisation + LeakyReLU in fp64, from the equations of kernels/ops/batchnorm_act.h alone.
#pragma once

#include <cmath>
#include <vector>

#include "kernels/ops/batchnorm_act.h"

namespace crc::test {

using Doubles = std::vector<double>;

struct BatchNormOracle {
  int64_t rows, channels;
  BatchNormConfig config;
  Mode mode;
  Doubles x, gamma, beta, running_mean, running_var;

  struct Result {
    Doubles y, z, saved, running_mean, running_var;
  };
  Result forward() const {
    Result r{Doubles(x.size()), Doubles(x.size()), Doubles(2 * channels), running_mean, running_var};
    for (int64_t c = 0; c < channels; ++c) {
      double mean = 0, m2 = 0;
      for (int64_t n = 0; n < rows; ++n) mean += x[n * channels + c] / double(rows);
      for (int64_t n = 0; n < rows; ++n) m2 += std::pow(x[n * channels + c] - mean, 2);
      if (mode == Mode::train && rows > 0) {
        r.running_mean[c] += config.momentum * (mean - running_mean[c]);
        r.running_var[c] += config.momentum * ((rows > 1 ? m2 / double(rows - 1) : 0) - running_var[c]);
      }
      double var = rows > 0 ? m2 / double(rows) : 0;
      if (mode == Mode::eval) mean = running_mean[c], var = running_var[c];
      const double inv_std = r.saved[channels + c] = 1 / std::sqrt(var + config.eps);
      r.saved[c] = mean;
      for (int64_t i = c; i < int64_t(x.size()); i += channels) {
        r.z[i] = gamma[c] * (x[i] - mean) * inv_std + beta[c] + config.offset;
        r.y[i] = r.z[i] > 0 ? r.z[i] : config.slope * r.z[i];
      }
    }
    return r;
  }

  struct Gradients {
    Doubles dx, dgamma, dbeta;
  };
  // Ioffe & Szegedy 2015, section 3: the chain through variance and mean, term by term.
  Gradients backward(const Doubles& dy) const {
    const Result r = forward();
    Gradients g{Doubles(x.size()), Doubles(channels), Doubles(channels)};
    for (int64_t c = 0; c < channels; ++c) {
      const double mean = r.saved[c], inv_std = r.saved[channels + c];
      double dvar = 0, dmean = 0;
      const auto dz = [&](int64_t i) { return r.z[i] > 0 ? dy[i] : config.slope * dy[i]; };
      for (int64_t i = c; i < int64_t(x.size()); i += channels) {
        g.dbeta[c] += dz(i);
        g.dgamma[c] += dz(i) * (x[i] - mean) * inv_std;
        dvar += dz(i) * gamma[c] * (x[i] - mean) * -0.5 * std::pow(inv_std, 3);
        dmean -= dz(i) * gamma[c] * inv_std;
      }
      if (mode == Mode::eval) dvar = dmean = 0;
      for (int64_t i = c; i < int64_t(x.size()); i += channels)
        g.dx[i] = dz(i) * gamma[c] * inv_std + (dvar * 2 * (x[i] - mean) + dmean) / double(rows);
    }
    return g;
  }
  // The gradients of sum(dy * y) by central differences of forward().
  Gradients differences(const Doubles& dy) const {
    Gradients g{Doubles(x.size()), Doubles(channels), Doubles(channels)};
    const auto slope = [&](Doubles BatchNormOracle::*member, int64_t i) {
      constexpr double kStep = 1e-5;  // truncation and rounding errors are both about 1e-10
      double loss[2];
      for (int side : {0, 1}) {
        BatchNormOracle moved = *this;
        (moved.*member)[i] += side ? kStep : -kStep;
        const Doubles y = moved.forward().y;
        loss[side] = 0;
        for (size_t k = 0; k < y.size(); ++k) loss[side] += dy[k] * y[k];
      }
      return (loss[1] - loss[0]) / (2 * kStep);
    };
    for (size_t i = 0; i < x.size(); ++i) g.dx[i] = slope(&BatchNormOracle::x, int64_t(i));
    for (int64_t c = 0; c < channels; ++c) {
      g.dgamma[c] = slope(&BatchNormOracle::gamma, c);
      g.dbeta[c] = slope(&BatchNormOracle::beta, c);
    }
    return g;
  }
  // Channels with an element so near the kink that rounding or a step decides its side: no gradient to compare.
  std::vector<bool> at_kink() const {
    constexpr double kMargin = 1e-4;
    std::vector<bool> near(channels);
    const Doubles z = forward().z;
    for (size_t i = 0; i < z.size(); ++i)
      if (config.slope != 1 && std::abs(z[i]) < kMargin) near[i % channels] = true;
    return near;
  }
};

}  // namespace crc::test
