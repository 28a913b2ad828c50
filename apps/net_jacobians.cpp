#include "apps/net_jacobians.h"

#include <algorithm>

namespace crc::apps {

NetJacobians::NetJacobians(const nn::Net& net, const nn::Weights& weights, const ssl::ImageSet& images,
                           const NormalizeConfig& normalize)
    : net_(net),
      weights_(weights),
      images_(images),
      normalize_(normalize),
      jacobian_(net),
      params_(jacobian_.params()) {
  for (const int param : params_) {
    const nn::ParamSpec& spec = net.layout().params()[param];
    blocks_.push_back({spec.name, spec.size(), spec.size() * net.classes()});
  }
  // The head comes first. Its Jacobian is (h, 1) in the rows of each class, whatever the class.
  blocks_[0].rank = net.feature_dim();
  blocks_[1].rank = 1;
}

std::vector<bool> NetJacobians::params_of(const std::vector<bool>& wanted) const {
  std::vector<bool> params(net_.layout().params().size(), false);
  for (size_t b = 0; b < params_.size(); ++b) params[params_[b]] = wanted[b];
  return params;
}

void NetJacobians::compute(Context& context, std::span<const int64_t> items, const std::vector<bool>& wanted,
                           const Receive& receive) const {
  if (items.empty()) return;
  const Arena::Frame frame(context.scratch());
  const int64_t n = int64_t(items.size());
  const auto ids = context.scratch().take<int64_t, 1>({n}, "items");
  context.copy_in(ids, items.data());
  const auto x = context.scratch().take<float, 4>({n, images_.height(), images_.width(), 3}, "images");
  normalize(context, x, images_.pixels(), ids, normalize_);
  jacobian_.compute(context, weights_, x, params_of(wanted), [&](int param, View<const float, 3> j) {
    receive(std::ranges::find(params_, param) - params_.begin(), j);
  });
}

select::Jacobians::Bytes NetJacobians::bytes(const std::vector<bool>& wanted) const {
  const auto bytes = jacobian_.bytes(images_.height(), images_.width(), 3, params_of(wanted));
  return {bytes.per_sample + images_.height() * images_.width() * 3 * int64_t(sizeof(float)), bytes.fixed};
}

}  // namespace crc::apps
