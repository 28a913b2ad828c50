// What is written down of NCCL's interface is what its header says, where there is one.
#include "kernels/cuda/nccl_interface.h"

#include <gtest/gtest.h>

#if __has_include(<nccl.h>)
#include <nccl.h>

#include <type_traits>

namespace crc::test {
namespace {

// Whether two functions are called alike: as many arguments of the same sizes and kinds, and a result.
template <class A, class B>
constexpr bool kAlike =
    sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B>&& std::is_class_v<A> == std::is_class_v<B> &&
    (!std::is_pointer_v<A> || std::is_same_v<std::remove_cvref_t<std::remove_pointer_t<A>>, void> ==
                                  std::is_same_v<std::remove_cvref_t<std::remove_pointer_t<B>>, void>);
template <class Ours, class Theirs> constexpr bool kSame = false;
template <class R, class... A, class Q, class... B>
requires(sizeof...(A) == sizeof...(B)) constexpr bool kSame<R (*)(A...), Q(B...)> = kAlike<R, Q> &&
                                                                                    (kAlike<A, B> && ...);

TEST(NcclInterface, IsThatOfTheHeader) {
  using F = nccl::Functions;
  EXPECT_TRUE((kSame<decltype(F::GetVersion), decltype(ncclGetVersion)>));
  EXPECT_TRUE((kSame<decltype(F::GetUniqueId), decltype(ncclGetUniqueId)>));
  EXPECT_TRUE((kSame<decltype(F::CommInitRank), decltype(ncclCommInitRank)>));
  EXPECT_TRUE((kSame<decltype(F::CommAbort), decltype(ncclCommAbort)>));
  EXPECT_TRUE((kSame<decltype(F::CommGetAsyncError), decltype(ncclCommGetAsyncError)>));
  EXPECT_TRUE((kSame<decltype(F::GroupStart), decltype(ncclGroupStart)>));
  EXPECT_TRUE((kSame<decltype(F::GroupEnd), decltype(ncclGroupEnd)>));
  EXPECT_TRUE((kSame<decltype(F::Send), decltype(ncclSend)>));
  EXPECT_TRUE((kSame<decltype(F::Recv), decltype(ncclRecv)>));
  EXPECT_TRUE((kSame<decltype(F::GetErrorString), decltype(ncclGetErrorString)>));
  EXPECT_FALSE((kSame<decltype(F::Recv), decltype(ncclSend)>)&&(kSame<decltype(F::GroupEnd), decltype(ncclSend)>));
  EXPECT_EQ(sizeof(nccl::UniqueId), sizeof(ncclUniqueId));
  EXPECT_EQ(int(nccl::success), int(ncclSuccess));
  EXPECT_EQ(int(nccl::in_progress), int(ncclInProgress));
  EXPECT_EQ(int(nccl::int8), int(ncclInt8));
}

}  // namespace
}  // namespace crc::test
#else
TEST(NcclInterface, IsThatOfTheHeader) { GTEST_SKIP() << "there is no nccl.h"; }
#endif
