// Student's t distribution, for intervals of means of few values.
#pragma once

namespace crc::apps {

// Regularised incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1], to about 13 digits.
double incomplete_beta(double a, double b, double x);

// Probability that |T| is at least |t|, with `freedom` >= 1 degrees of freedom.
double student_t_two_sided(double t, double freedom);

// The t >= 0 that |T| exceeds with probability `two_sided`, in (0, 1].
double student_t_exceeded(double two_sided, double freedom);

}  // namespace crc::apps
