"""Vector operations over lanes in generic LLVM vector code, which every processor's back end splits to its own width.

Offsets are in float32; each array is flat.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.ir as ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["add_residue", "weighted_sum"]


def _fused(builder, vector, a, b, c):
    """a * b + c, rounded as `genomes.kernels.vector.fused_multiply_add` does."""
    kind = ir.FunctionType(vector, [vector] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{vector.count}f32")
    return builder.call(function, [a, b, c])


@cache
def weighted_sum(lanes: int) -> Any:
    """For rows of ``lanes``: ``rows[to] = weights[bias] + sum over e in begin..end of weights[at + e - begin] *
    rows[base + source[e]]``, each index the row or offset of a vector, in ascending order of e."""

    @intrinsic
    def weighted_sum(typingctx, weights, at, source, begin, end, rows, base, bias, to):
        def codegen(context, builder, signature, arguments):
            types_of = signature.args
            arrays = [context.make_array(types_of[i])(context, builder, arguments[i]) for i in (0, 2, 5)]
            weight_data, source_data, row_data = (array.data for array in arrays)
            _, at, _, begin, end, _, base, bias, to = arguments
            vector = ir.VectorType(ir.FloatType(), lanes)
            total = cgutils.alloca_once_value(builder, ir.Constant(vector, ir.Undefined))
            builder.store(ir.Constant(vector, [ir.Constant(ir.FloatType(), 0.0)] * lanes), total)
            width = ir.Constant(ir.IntType(64), lanes)
            with cgutils.for_range_slice(builder, begin, end, ir.Constant(ir.IntType(64), 1)) as (e, _):
                w_at = builder.add(at, builder.mul(builder.sub(e, begin), width))
                slot = builder.sext(builder.load(builder.gep(source_data, [e])), ir.IntType(64))
                v_at = builder.add(base, builder.mul(slot, width))
                w = _load(builder, weight_data, w_at, vector)
                v = _load(builder, row_data, v_at, vector)
                builder.store(_fused(builder, vector, w, v, builder.load(total)), total)
            biased = builder.fadd(builder.load(total), _load(builder, weight_data, bias, vector))
            _store(builder, row_data, to, biased)
            return context.get_dummy_value()

        i64 = types.int64
        return types.void(weights, i64, source, i64, i64, rows, i64, i64, i64), codegen

    return weighted_sum


@cache
def add_residue(lanes: int) -> Any:
    """For rows of ``lanes``: ``rows[to] += v - v`` over the ``count`` rows from offset ``first``: NaN once one is not
    finite."""

    @intrinsic
    def add_residue(typingctx, rows, first, count, to):
        def codegen(context, builder, signature, arguments):
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            _, first, count, to = arguments
            vector = ir.VectorType(ir.FloatType(), lanes)
            total = cgutils.alloca_once_value(builder, _load(builder, data, to, vector))
            with cgutils.for_range(builder, count) as loop:
                offset = builder.add(first, builder.mul(loop.index, ir.Constant(ir.IntType(64), lanes)))
                v = _load(builder, data, offset, vector)
                builder.store(builder.fadd(builder.load(total), builder.fsub(v, v)), total)
            _store(builder, data, to, builder.load(total))
            return context.get_dummy_value()

        return types.void(rows, types.int64, types.int64, types.int64), codegen

    return add_residue


def _pointer(builder, data, offset, vector):
    return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())


def _load(builder, data, offset, vector):
    load = builder.load(_pointer(builder, data, offset, vector))
    load.align = 4
    return load


def _store(builder, data, offset, value):
    builder.store(value, _pointer(builder, data, offset, value.type)).align = 4
