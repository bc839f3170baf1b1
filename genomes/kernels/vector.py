"""Vector code that Numba's loops do not give: sums over edges that stay in registers.

Generic LLVM vectors, so that any target compiles it. ``fmuladd`` is one rounding where the processor has fused
multiply-add and two where it has not; scalar and vector agree bit for bit on one machine.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["BLOCK", "fused_multiply_add", "weighted_sum"]

BLOCK = 64  # rows that are evaluated together
_LANES = 16
_VECTORS = BLOCK // _LANES

_FLOAT, _INT, _INDEX = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, _LANES)


@intrinsic
def fused_multiply_add(typing_context, a, b, c):
    """a * b + c of float32."""

    def codegen(context, builder, signature, arguments):
        return builder.call(_fmuladd(builder, _FLOAT, "f32"), arguments)

    return types.float32(types.float32, types.float32, types.float32), codegen


@intrinsic
def weighted_sum(typing_context, values, source, weight, begin, end, bias, target):
    """values[target, :] = bias + sum of weight[e] * values[source[e], :] over the edges begin <= e < end, in order.

    ``values`` is float32 [slots * BLOCK], a row of BLOCK values for each slot; ``source`` int32 and ``weight`` float32.
    """
    signature = types.void(values, source, weight, types.int64, types.int64, types.float32, types.int64)

    def codegen(context, builder, signature, arguments):
        arrays = zip(signature.args[:3], arguments[:3], strict=True)
        data, sources, weights = (context.make_array(kind)(context, builder, array).data for kind, array in arrays)
        begin, end, bias, target = arguments[3:]
        multiply_add = _fmuladd(builder, _VECTOR, f"v{_LANES}f32")

        entry = builder.block
        head, body, done = (builder.append_basic_block(name) for name in ("edges", "edge", "edges.done"))
        builder.branch(head)

        builder.position_at_end(head)
        edge = builder.phi(_INDEX)
        sums = [builder.phi(_VECTOR) for _ in range(_VECTORS)]
        builder.cbranch(builder.icmp_signed("<", edge, end), body, done)

        builder.position_at_end(body)
        row = _row(builder, data, builder.sext(builder.load(builder.gep(sources, [edge])), _INDEX))
        factor = _splat(builder, builder.load(builder.gep(weights, [edge])))
        next_sums = [
            builder.call(multiply_add, [factor, builder.load(vector, align=4), partial])
            for vector, partial in zip(row, sums, strict=True)
        ]
        next_edge = builder.add(edge, _INDEX(1))
        builder.branch(head)

        for phi, start, following in [(edge, begin, next_edge)] + [
            (phi, ir.Constant(_VECTOR, None), following) for phi, following in zip(sums, next_sums, strict=True)
        ]:
            phi.add_incoming(start, entry)
            phi.add_incoming(following, body)

        builder.position_at_end(done)
        offset = _splat(builder, bias)
        for vector, total in zip(_row(builder, data, target), sums, strict=True):
            builder.store(builder.fadd(offset, total), vector, align=4)
        return context.get_dummy_value()

    return signature, codegen


def _fmuladd(builder, kind, suffix):
    function = ir.FunctionType(kind, [kind, kind, kind])
    return cgutils.get_or_insert_function(builder.module, function, f"llvm.fmuladd.{suffix}")


def _row(builder, data, slot):
    """Pointers to the vectors of a slot's row."""
    first = builder.bitcast(builder.gep(data, [builder.mul(slot, _INDEX(BLOCK))]), _VECTOR.as_pointer())
    return [builder.gep(first, [_INDEX(i)]) for i in range(_VECTORS)]


def _splat(builder, value):
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    single = builder.insert_element(undefined, value, _INT(0))
    return builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(_INT, _LANES), None))
