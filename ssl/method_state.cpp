#include "ssl/method_state.h"

namespace crc::ssl {
namespace {

std::string stored_name(const std::string& name) { return "method." + name; }

}  // namespace

MethodState::MethodState(Context& context, const std::vector<StateArray>& arrays) {
  for (const StateArray& array : arrays) {
    const std::vector<float> values(size_t(array.size), array.initial);
    arrays_.emplace(array.name, Tensor::from_host(context, {array.size}, values.data(), array.name));
  }
}

View<float, 1> MethodState::operator[](std::string_view name) const {
  const auto at = arrays_.find(name);
  if (at == arrays_.end()) fail_internal("the method declared no array '" + std::string(name) + "'");
  return at->second.view<float, 1>();
}

View<float, 2> MethodState::matrix(std::string_view name, int64_t columns) const {
  const View<float, 1> flat = (*this)[name];
  return {flat.data, {flat.size() / columns, columns}, flat.device, flat.name};
}

std::map<std::string, std::vector<float>> MethodState::to_host(Context& context) const {
  std::map<std::string, std::vector<float>> host;
  for (const auto& [name, array] : arrays_) host[name] = array.to_host<float>(context);
  return host;
}

void MethodState::save(Context& context, nn::TensorFile& file) const {
  for (const auto& [name, values] : to_host(context)) file.add(stored_name(name), {int64_t(values.size())}, values);
}

void MethodState::restore(Context& context, const nn::TensorFile& file, const std::string& source) {
  for (const auto& [name, array] : arrays_) {
    const std::vector<float> values = file.at(stored_name(name), source).values<float>();
    if (int64_t(values.size()) != array.size())
      fail(ExitCode::corrupt_data, source + ": '" + stored_name(name) + "' has " + std::to_string(values.size()) +
                                       " values, this run needs " + std::to_string(array.size()));
    context.copy_in(array.view<float, 1>(), values.data());
  }
}

}  // namespace crc::ssl
