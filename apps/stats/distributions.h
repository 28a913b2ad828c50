// Distribution functions that tests and intervals ask for, in fp64: to about 12 digits, and the same on every machine
// up to the last digits of its exp and lgamma.
#pragma once

#include <cstdint>

namespace crc::apps {

// Regularised incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1].
double incomplete_beta(double a, double b, double x);

// Probability that a standard normal variable is below z.
double normal_below(double z);

// Probability that |T| is at least |t|, with `freedom` >= 1 degrees of freedom.
double student_t_two_sided(double t, double freedom);
// The t >= 0 that |T| exceeds with probability `two_sided`, in (0, 1].
double student_t_exceeded(double two_sided, double freedom);
// Probability that |T| exceeds `critical` when the mean lies `shift` standard errors from 0 (noncentral t).
double student_t_power(double shift, double freedom, double critical);

// Probability that a chi-squared variable is at least x, with a whole number of degrees of freedom, 1 or more.
double chi_squared_exceeded(double x, int64_t freedom);

// Probability that the range of `count` >= 2 standard normal variables is at least q, and the q of a probability in
// (0, 1): the studentized range with infinitely many degrees of freedom.
double range_exceeded(double q, int64_t count);
double range_quantile(double probability, int64_t count);

}  // namespace crc::apps
