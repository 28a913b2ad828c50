#include "ssl/passes.h"

#include "kernels/ops/across_ranks.h"
#include "kernels/ops/add.h"

namespace crc::ssl {

// Parts that pass side by side need a stack of scratch memory each, which the step gives back.
void Passes::for_parts(Context& context, const std::function<void(int64_t part, Context& context)>& work) {
  const int64_t count = int64_t(parts_.size());
  if (!lockstep_) {
    for (int64_t p = 0; p < count; ++p) work(p, context);
    return;
  }
  lockstep_->run(context, int(count), [&](int p, Context& own) {
    if (p == 0) return work(p, own);
    std::unique_ptr<Arena::Frame>& frame = frames_[&own.scratch()];
    if (!frame) frame = std::make_unique<Arena::Frame>(own.scratch());
    work(p, own);
  });
}

// visit(rows of the whole pass, rows of a part's, rows of a section in a part)
template <class Visit> void Passes::for_sections(const Pass& pass, Visit visit) const {
  int64_t at = 0;
  for (const int64_t rows : sections_) {
    if (at >= pass.begin && at < pass.end) visit(at - pass.begin, (at - pass.begin) / shards_, rows / shards_);
    at += rows;
  }
}

// whole [N,K] = the rows of all shards, in the order of the batch.
void Passes::put_together(Context& context, View<float, 2> whole, View<const float, 2> own, const Pass& pass) const {
  const Arena::Frame frame(context.scratch());
  View<const float, 2> all = own;
  if (ranks_ && ranks_->size() > 1) {
    const auto gathered = context.scratch().take<float, 2>({own.shape[0] * ranks_->size(), own.shape[1]},
                                                           "rows of all shards");  // [V * rows,K], in the shards' order
    gather_ranks(context, gathered.flat(), own.flat(), ranks_);
    all = gathered;
  }
  const int64_t rows = whole.shape[0] / shards_;
  for_sections(pass, [&](int64_t of_whole, int64_t of_part, int64_t count) {
    for (int64_t s = 0; s < shards_; ++s) {
      const int64_t to = of_whole + s * count, from = s * rows + of_part;
      context.copy(whole.slice(to, to + count), all.slice(from, from + count));
    }
  });
}

// A part's rows of what the batch's mean loss has as gradients, as gradients of the part's own mean loss: times the
// number of shards, a power of two, in doublings.
View<const float, 2> Passes::part_of(Context& context, View<const float, 2> whole, int64_t part,
                                     const Pass& pass) const {
  const auto own = context.scratch().take<float, 2>({whole.shape[0] / shards_, whole.shape[1]}, "gradient of a shard");
  const int64_t s = (ranks_ ? ranks_->rank() : 0) * int64_t(parts_.size()) + part;
  for_sections(pass, [&](int64_t of_whole, int64_t of_part, int64_t count) {
    const int64_t from = of_whole + s * count;
    context.copy(own.slice(of_part, of_part + count), whole.slice(from, from + count));
  });
  for (int64_t times = 1; times < shards_; times *= 2) add(context, own.flat(), own.flat(), own.flat());
  return own;
}

void Passes::forward(Context& context, const Pass& pass, View<float, 2> logits, View<float, 2> features) {
  if (pass.kept >= 0) kept_[pass.kept] = pass;
  const int64_t count = int64_t(parts_.size()), among = std::max<int64_t>(1, shards_), n = pass.end - pass.begin;
  const bool direct = shards_ == 0;  // the one part writes where the batch's rows are wanted
  Arena& arena = context.scratch();
  const int64_t rows = n / among;
  const auto h = direct && features.size() > 0
                     ? features
                     : arena.take<float, 2>({count * rows, net_.feature_dim()},
                                            features.size() > 0 ? kRows : "features");           // [own * rows,D]
  const auto z = direct ? logits : arena.take<float, 2>({count * rows, net_.classes()}, kRows);  // [own * rows,C]
  for_parts(context, [&](int64_t p, Context& own) {
    const Part& part = parts_[size_t(p)];
    net_.forward(own, pass.average ? part.ema : part.student,
                 nn::slice(part.images, pass.begin / among, pass.end / among), pass.mode,
                 h.slice(p * rows, (p + 1) * rows), z.slice(p * rows, (p + 1) * rows),
                 pass.kept >= 0 ? (*part.saved)[size_t(pass.kept)].get() : nullptr);
  });
  if (direct) return;
  put_together(context, logits, z, pass);
  if (features.size() > 0) put_together(context, features, h, pass);
}

void Passes::backward(Context& context, int kept, View<const float, 2> dlogits, View<const float, 2> dfeatures) {
  for_parts(context, [&](int64_t p, Context& own) {
    const Arena::Frame frame(own.scratch());
    const Part& part = parts_[size_t(p)];
    View<const float, 2> dz = dlogits, dh = dfeatures;
    if (shards_ > 0) {
      dz = part_of(own, dlogits, p, kept_[kept]);
      if (dh.size() > 0) dh = part_of(own, dfeatures, p, kept_[kept]);
    }
    net_.backward(own, part.student, part.grads, dz, *(*part.saved)[size_t(kept)], dh);
  });
}

}  // namespace crc::ssl
