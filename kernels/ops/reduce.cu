#include "kernels/ops/reduce.cuh"

namespace crc {
namespace {

struct Identity {
  CRC_HD double operator()(double part) const { return part; }
};

template <class Term, class Finish>
void total(Cuda& cuda, const char* op, View<const float, 1> x, Term term, Finish finish) {
  constexpr int64_t kPerBlock = 16 * kReduceThreads;  // a block's start costs about as much as reading this
  const int64_t wanted = std::max<int64_t>(1, (x.size() + kPerBlock - 1) / kPerBlock);
  const auto kernel = total_kernel<float, Term, Finish>;
  const int64_t blocks = std::min(wanted, resident_blocks(cuda, kernel, kReduceThreads));
  const Arena::Frame frame(cuda.scratch());
  const auto parts = cuda.scratch().take<double>({blocks}, "partial sums");
  launch(cuda, op, kernel, {.blocks = dim3(unsigned(blocks)), .threads = dim3(kReduceThreads)}, parts, x, term, finish);
  if (blocks > 1)
    launch(cuda, op, total_kernel<double, Identity, Finish>, {.blocks = dim3(1), .threads = dim3(kReduceThreads)},
           View<double, 1>{}, parts, Identity{}, finish);
}

template <int kWidth, class T> void column_sums(Cuda& cuda, View<float, 1> out, View<const T, 2> x) {
  const auto kernel = column_sum_kernel<kWidth, T>;
  const ColumnGrid columns = column_grid(cuda, kernel, x.shape[0], x.shape[1], kWidth);
  const Arena::Frame frame(cuda.scratch());
  const auto parts = cuda.scratch().take<double>({1, x.shape[1], columns.blocks()}, "partial sums");
  launch(cuda, "column_sum", kernel, columns.grid, parts, x, columns.rows_per_block, AddColumn{out},
         tickets_of(cuda, columns));
}

template <class T> void checked_column_sum(Cuda& cuda, View<float, 1> out, View<const T, 2> x) {
  check_shape("column_sum", out, {x.shape[1]});
  if (x.shape[1] % kPackWidth<T> == 0 && aligned_for_packs(x.data))
    column_sums<kPackWidth<T>>(cuda, out, x);
  else
    column_sums<1>(cuda, out, x);
}

}  // namespace

void sum(Cuda& cuda, View<float, 1> out, View<const float, 1> x) {
  check_shape("sum", out, {1});
  total(cuda, "sum", x, SumTerm{}, StoreTotal{out});
}

void record_mean(Cuda& cuda, View<float, 2> ring, View<const float, 1> x, View<const StepState, 1> state,
                 int64_t column) {
  check_record_mean(ring, x, column);
  total(cuda, "record_mean", x, SumTerm{}, RecordMean{ring, state, column, x.size()});
}

void column_sum(Cuda& cuda, View<float, 1> out, View<const float, 2> x) { checked_column_sum(cuda, out, x); }
void column_sum(Cuda& cuda, View<float, 1> out, View<const bf16, 2> x) { checked_column_sum(cuda, out, x); }

}  // namespace crc
