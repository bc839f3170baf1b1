"""Names that a function in a C header cannot have: they are the language's, C++'s, or those of math.h."""

from __future__ import annotations

import re

__all__ = ["is_reserved"]

_C = """
alignas alignof asm auto bool break case char const constexpr continue default do double else enum extern false float
for fortran goto if inline int long main nullptr register restrict return short signed sizeof static static_assert
struct switch thread_local true typedef typeof typeof_unqual union unsigned void volatile while linux unix i386
"""
_CPP = """
and and_eq atomic_cancel atomic_commit atomic_noexcept bitand bitor catch char16_t char32_t char8_t class co_await
co_return co_yield compl concept const_cast const_eval consteval constinit decltype delete dynamic_cast explicit export
friend mutable namespace new noexcept not not_eq operator or or_eq private protected public reflexpr reinterpret_cast
requires static_cast std synchronized template this throw try typeid typename using virtual wchar_t xor xor_eq
"""
_MATH = """
acos acosh acospi asin asinh asinpi atan atan2 atan2pi atanh atanpi canonicalize cbrt ceil compoundn copysign cos cosh
cospi drem erf erfc exp exp10 exp10m1 exp2 exp2m1 expm1 fabs fdim finite floor fma fmax fmaximum fmaximum_mag
fmaximum_mag_num fmaximum_num fmaxmag fmin fminimum fminimum_mag fminimum_mag_num fminimum_num fminmag fmod frexp
fromfp fromfpx gamma getpayload hypot ilogb isinf isnan j0 j1 jn ldexp lgamma llogb llrint llround log log10 log10p1
log1p log2 log2p1 logb logp1 lrint lround modf nan nearbyint nextafter nextdown nexttoward nextup pow pow10 powr pown
remainder remquo rint rootn round roundeven rsqrt scalb scalbln scalbn setpayload setpayloadsig significand sin sincos
sinh sinpi sqrt tan tanh tanpi tgamma totalorder totalordermag trunc ufromfp ufromfpx y0 y1 yn
"""
_MACROS = """
INFINITY NAN SNAN SNANF SNANL HUGE_VAL HUGE_VALF HUGE_VALL OVERFLOW UNDERFLOW DOMAIN SING PLOSS TLOSS MAXFLOAT
MATH_ERRNO MATH_ERREXCEPT math_errhandling fpclassify iseqsig isfinite isgreater isgreaterequal isless islessequal
islessgreater isnormal issignaling issubnormal isunordered iscanonical iszero signbit signgam float_t double_t
"""
_NAMES = {*_C.split(), *_CPP.split(), *_MACROS.split()}
_NAMES |= {name + ending for name in _MATH.split() for ending in ("", "f", "l", "_r", "f_r", "l_r")}


def is_reserved(name: str) -> bool:
    """Whether a function of this name would not compile in every C and C++, beside math.h."""
    return name in _NAMES or re.match("M_|FP_", name) is not None
