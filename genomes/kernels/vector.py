"""Vector code that Numba's loops do not give: sums over edges that stay in registers.

Generic LLVM vectors, so that any target compiles it. ``fmuladd`` is one rounding where the processor has fused
multiply-add and two where it has not; scalar and vector agree bit for bit on one machine.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,attr-defined"

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["BLOCK", "address_of", "fused_multiply_add", "interleave_four", "weighted_sum"]

BLOCK = 128  # rows that are evaluated together
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


@intrinsic
def interleave_four(typing_context, values, slots, out, stride):
    """out[r * stride + o] = values[slots[o], r] for four outputs o and the BLOCK rows r.

    ``slots`` are four int64; ``out`` float32, its first element the one of row 0 and output 0.
    """
    slot_type = types.UniTuple(types.int64, 4)
    signature = types.void(values, slot_type, types.CPointer(types.float32), types.int64)

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        slots = cgutils.unpack_tuple(builder, arguments[1], 4)
        out, stride = arguments[2:]
        quarter = ir.VectorType(_FLOAT, 4)
        rows = [_row(builder, data, slot) for slot in slots]
        for i in range(_VECTORS):
            a, b, c, d = (builder.load(row[i], align=4) for row in rows)
            for half in range(2):
                pairs = [(first, _LANES + first) for first in range(half * _LANES // 2, (half + 1) * _LANES // 2)]
                low, high = _shuffle(builder, a, b, sum(pairs, ())), _shuffle(builder, c, d, sum(pairs, ()))
                for lane in range(_LANES // 2):
                    two = 2 * lane
                    row = _shuffle(builder, low, high, (two, two + 1, _LANES + two, _LANES + two + 1))
                    index = i * _LANES + half * _LANES // 2 + lane
                    target = builder.gep(out, [builder.mul(stride, _INDEX(index))])
                    builder.store(row, builder.bitcast(target, quarter.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def address_of(typing_context, array, p, r, o):
    """Pointer to array[p, r, o] of a C-contiguous float32 array."""
    signature = types.CPointer(types.float32)(array, types.int64, types.int64, types.int64)

    def codegen(context, builder, signature, arguments):
        shaped = context.make_array(signature.args[0])(context, builder, arguments[0])
        _, rows, columns = cgutils.unpack_tuple(builder, shaped.shape, 3)
        index = builder.add(builder.mul(arguments[1], rows), arguments[2])
        return builder.gep(shaped.data, [builder.add(builder.mul(index, columns), arguments[3])])

    return signature, codegen


def _shuffle(builder, a, b, lanes):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT, len(lanes)), list(lanes)))


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
