"""Records a training step of a PyTorch CNN as a trace that swat-sim simulates.

Copy this file beside your code; it needs PyTorch >= 1.13 and NumPy only.

    from swat_sim_trace import record

    for step, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        with record(model, "out/", optimizer=optimizer, step=step, every=500):
            loss = criterion(model(x), y)
            loss.backward()
        optimizer.step()

    $ swat-sim simulate out/step-000500.safetensors --hw all

Masks are the zeros of the tensors that convolutions and linear layers really read, so that networks pruned by
torch.nn.utils.prune or by code of your own are recorded as they are. Batch norm, activations, pooling, add, concat,
dropout and the loss are recorded as bytes moved where the program sees them between recorded tensors, else left out.

It works by a `torch.overrides.TorchFunctionMode`, which sees every call of `torch` functions while the block runs, and by
hooks on the autograd nodes of their results, which see the gradients, in the order of execution. The contract of the file
is in swat-sim's ARCHITECTURE.md, "The two contracts".
"""
import contextlib
import json
import math
import os
import struct
import sys
import warnings

import numpy as np
import torch
from torch.nn.utils import prune

try:
    from torch.overrides import TorchFunctionMode
except ImportError as cause:
    raise ImportError("swat_sim_trace needs PyTorch >= 1.13, got " + torch.__version__) from cause

# Kinds of the trace by the name of the torch function. Element-wise activations move the bytes of a ReLU.
_ACTIVATIONS = (
    "relu relu_ relu6 leaky_relu leaky_relu_ prelu elu elu_ selu celu gelu silu mish sigmoid tanh hardtanh hardtanh_ "
    "hardswish hardsigmoid softplus threshold threshold_ clamp clamp_ softmax log_softmax"
)
_KINDS = {
    **{name: "relu" for name in _ACTIVATIONS.split()},
    **{name: "batchNorm" for name in ("batch_norm", "group_norm", "layer_norm", "instance_norm", "rms_norm")},
    **{name: "maxPool" for name in ("max_pool2d", "max_pool2d_with_indices", "adaptive_max_pool2d")},
    **{name: "averagePool" for name in ("avg_pool2d", "adaptive_avg_pool2d", "mean")},
    **{name: "add" for name in ("add", "add_", "__add__", "__iadd__", "__radd__")},
    **{name: "add" for name in ("mul", "mul_", "__mul__", "__imul__", "__rmul__", "sub", "__sub__", "div", "__truediv__")},
    **{name: "concat" for name in ("cat", "concat", "concatenate")},
    **{name: "dropout" for name in ("dropout", "dropout_", "dropout2d", "feature_dropout")},
    **{name: "loss" for name in ("cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss")},
    **{name: "loss" for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div")},
}
# Functions that multiply and are not recorded, with an estimate of their MACs from shapes; None where there is none.
_UNSUPPORTED = {
    **{"conv%dd" % d: lambda x, w, out: out.numel() * w[0].numel() for d in (1, 3)},
    **{"conv_transpose%dd" % d: lambda x, w, out: x.numel() * w[0].numel() for d in (1, 2, 3)},
    **{name: lambda a, b, out: out.numel() * a.shape[-1] for name in "matmul __matmul__ mm bmm mv dot inner".split()},
    **{name: lambda c, a, b, out: out.numel() * a.shape[-1] for name in "addmm baddbmm addmv".split()},
    "__rmatmul__": lambda b, a, out: out.numel() * a.shape[-1],
    "bilinear": lambda a, b, w, out: out.numel() * w[0].numel(),
    "scaled_dot_product_attention": lambda q, k, v, out: q.numel() * k.shape[-2] + out.numel() * k.shape[-2],
    "multi_head_attention_forward": lambda q, k, v, out: _attention_macs(q, k, v),
    **{name: lambda x, *rest: _recurrent_macs(x, rest) for name in "lstm gru rnn_tanh rnn_relu".split()},
    **{name: lambda x, *rest: _recurrent_macs(x, rest) for name in "lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell".split()},
    **{name: None for name in "einsum tensordot addbmm chain_matmul multi_dot linalg_multi_dot cdist".split()},
    **{name: None for name in "_native_multi_head_attention _transformer_encoder_layer_fwd".split()},
}

# By folder: the number of the next file, and of the next block of those that are recorded every so many.
_next_steps, _next_blocks = {}, {}


def record(
    model,
    out,
    *,
    optimizer=None,
    step=None,
    topk=None,
    dense_layers=None,
    topk_period=1,
    saved_inputs=None,
    weights=None,
    method=None,
    network=None,
    dataset=None,
    epoch=None,
    seed=None,
    micro_batches=None,
    every=None
):
    """Context manager: the forward and backward passes of `model` inside it become `out/step-NNNNNN.safetensors`.

    With gradient accumulation, put all micro-batches of the optimizer step into the block, or pass `micro_batches`.
    What cannot be recorded is listed in the trace, with MACs estimated from its shapes; swat-sim then says how much of
    the step is recorded.

    optimizer      adds the update of all its parameters, with its momenta, so that totals of a training step count.
    micro_batches  batches whose gradients one optimizer step accumulates; the recorded ones are charged their share of
                   the update, and the step is marked as incomplete where the block holds fewer.
    step           number of the file; without it files of a folder count from 0 in this process.
    every          records steps 0, every, 2 * every ... only: other blocks run as if they were not there. Without `step`,
                   the blocks of a folder count from 0 in this process.
    topk           0 <= s < 1: records what SWAT (Raihan & Aamodt 2020, Algorithm 1) would have read: of each weight only
                   the (1 - s) largest magnitudes in forward and inputGrad, of each input in weightGrad. The values are
                   still those of your own training; gradients are not computed anew.
    dense_layers   names of layers that `topk` leaves dense; the first layer where not given, as SWAT-U. () for none.
    topk_period    steps between two refreshes of the thresholds, for the record.
    saved_inputs   {layer: what weightGrad reads}, where your autograd function saves something else than the input. A
                   tensor of the input's shape, or a function of the input that gives one; bool is a mask.
    weights        {layer: what forward and inputGrad read}, likewise, where the program cannot see it.
    method         name of the method; "swat-u" with topk, "custom" with saved_inputs, weights or pruned modules, else
                   "dense".

    Raises ValueError for a setting that cannot be and for a batch of no images; warns once about each module that is left out.
    """
    settings = locals()
    if every is not None:
        if every < 1:
            raise ValueError("every: valid: at least 1, got %r" % (every,))
        folder = os.path.abspath(out)
        settings["step"] = _next_blocks.get(folder, 0) if step is None else int(step)
        _next_blocks[folder] = settings["step"] + 1
        if settings["step"] % every != 0:
            return contextlib.nullcontext()
    return _Recorder(model, out, settings)


class _Call:
    """A module that is running."""

    def __init__(self, name, module, inputs):
        self.name, self.leaf = name, next(module.children(), None) is None
        self.multiplies = any(p.dim() > 1 for p in module.parameters(recurse=False))
        self.needs_input_grad = any(_is_tensor(x) and x.requires_grad for x in inputs)
        self.seen = False
        # Multiplications inside an autograd function, whose results get their node when the module returns.
        self.pending = []


class _Mac:
    """A convolution or linear layer of the forward pass."""

    def __init__(self, kind, layer, module, geometry):
        self.kind, self.layer, self.module, self.geometry = kind, layer, module, geometry
        self.input = self.weight = self.saved = self.weight_grad = self.input_grad = None
        self.gets_input_grad = self.gets_weight_grad = False
        self.has_gradient = self.recomputed = self.deferred = False

    def op(self, step_pass, operands, output):
        return {
            "kind": self.kind,
            "pass": step_pass,
            "layer": self.layer,
            "geometry": self.geometry,
            "operands": operands,
            "output": output,
        }


class _Recorder(TorchFunctionMode):
    def __init__(self, model, out, settings):
        super().__init__()
        self.model, self.out, self.settings = model, out, settings
        self.names = {id(module): _clean(name) for name, module in model.named_modules()}
        self.parameters = {id(p): _clean(name) for name, p in model.named_parameters()}
        self._check()
        self.tensors, self.masks, self.ops = {}, {}, []
        self.ids, self.alive, self.uses = {}, [], {}
        self.selections = {}
        self.calls, self.handles, self.warned = [], [], set()
        self.macs, self.loss, self.unsupported, self.unrecorded = [], None, set(), []
        # A backward pass is running; one has run; where the ops of each forward and backward pass begin.
        self.in_backward = self.backward = self.closed = False
        self.rounds = []

    def _check(self):
        s = self.settings
        if s["topk"] is not None and not 0 <= s["topk"] < 1:
            raise ValueError("topk: valid: 0 <= s < 1, got %r" % (s["topk"],))
        known = sorted(set(self.names.values()) - {""})
        for option in ("saved_inputs", "weights", "dense_layers"):
            for name in s[option] or ():
                if name not in known:
                    raise ValueError("%s: unknown layer, got %r; known: %s" % (option, name, ", ".join(known)))
        if s["micro_batches"] is not None and s["micro_batches"] < 1:
            raise ValueError("micro_batches: valid: at least 1, got %r" % (s["micro_batches"],))
        if s["topk"] is not None and (s["saved_inputs"] or s["weights"]):
            raise ValueError("topk: selects by itself; valid: topk, or saved_inputs and weights, not both")

    # The block

    def __enter__(self):
        for name, module in self.model.named_modules():
            if isinstance(module, torch.nn.DataParallel) and len(module.device_ids) > 1:
                self._warn(name, module, "copies run in threads of their own; record model.module on one device")
            self.handles.append(module.register_forward_pre_hook(self._enter_module))
            self.handles.append(module.register_forward_hook(self._leave_module))
        return super().__enter__()

    def __exit__(self, kind, error, trace):
        super().__exit__(kind, error, trace)
        self.closed = True
        for handle in self.handles:
            handle.remove()
        if kind is None:
            self._finish()
        # The graph may outlive the block; what it holds of us must not hold the tensors.
        self.alive.clear()
        return False

    # Modules

    def _enter_module(self, module, inputs):
        name = self.names.get(id(module), "")
        self.calls.append(_Call(name, module, inputs))

    def _leave_module(self, module, inputs, output):
        call = self.calls.pop()
        if not call.pending:
            return
        results = [x for x in (output if isinstance(output, (tuple, list)) else [output]) if _is_tensor(x)]
        for mac, shape in call.pending:
            result = next((x for x in results if x.grad_fn is not None and tuple(x.shape) == shape), None)
            if result is None:
                if self.calls:
                    self.calls[-1].pending.append((mac, shape))
                continue
            mac.gets_input_grad = call.needs_input_grad
            mac.gets_weight_grad = any(p.requires_grad for p in module.parameters())
            # What the module adds to the product, as a bias, makes another tensor with the same gradient.
            self.ids.setdefault(_key(result), mac.layer + ":output")
            self.alive.append(result)
            self._hook(result, self._mac_backward(mac))

    def _layer(self, function, multiplies=False):
        """Module's name where the op is what the module is, else container.function; a second call gets a number."""
        call = self.calls[-1] if self.calls else None
        if call is None or not call.name:
            base = function
        elif call.leaf and not call.seen and multiplies == call.multiplies:
            base, call.seen = call.name, True
        else:
            base = call.name + "." + function
        self.uses[base] = self.uses.get(base, 0) + 1
        return base if self.uses[base] == 1 else "%s#%d" % (base, self.uses[base])

    # Functions

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name == "backward" or (name == "grad" and function is torch.autograd.grad):
            return self._run_backward(name, function, args, kwargs)
        # The backward of an autograd function is seen as the passes of what its forward computed.
        if self.in_backward and not self.calls:
            return function(*args, **kwargs)
        if name in ("conv2d", "linear"):
            return self._multiply(name, function, args, kwargs)
        if name in _UNSUPPORTED:
            return self._leave_out(name, function, args, kwargs)
        if name in _KINDS:
            return self._move(_KINDS[name], name, function, args, kwargs)
        if self.calls:
            return self._leave_out_move(name, function, args, kwargs)
        return function(*args, **kwargs)

    def _run_backward(self, name, function, args, kwargs):
        self._begin_backward()
        try:
            if name == "backward" and args and type(args[0]) is torch.Tensor:
                # Seen by this mode while it runs: checkpoints compute layers anew.
                with _Nested(self):
                    return torch.autograd.backward(args[0], *args[1:3], **_backward_options(args, kwargs))
            return function(*args, **kwargs)
        finally:
            self._end_backward()

    def _begin_backward(self):
        if not self.backward:
            self._check_gradients()
        self.in_backward = self.backward = True

    def _end_backward(self):
        self.in_backward = False

    def _check_gradients(self):
        """Gradients that are there before the first backward pass are of micro-batches that the block does not hold."""
        if self.settings["micro_batches"] is None and self.settings["optimizer"] is not None:
            grads = (p.grad for group in self.settings["optimizer"].param_groups for p in group["params"])
            if any(grad is not None and not grad.is_sparse and bool(grad.any()) for grad in grads):
                self._list("earlier", "micro-batch", [], [], None)
                self._warn_once(
                    "gradients are not zero before the backward pass: the block holds one of several micro-batches; "
                    "record all of them in one block, or pass micro_batches"
                )

    def _begin_round(self):
        """A forward pass after a backward one is the next micro-batch."""
        if not self.in_backward and (not self.rounds or self.rounds[-1]["backward"]):
            mark = {"ops": len(self.ops), "macs": len(self.macs), "unrecorded": len(self.unrecorded)}
            self.rounds.append({**mark, "backward": False})

    # What is left out

    def _leave_out(self, name, function, args, kwargs):
        """A function that multiplies: listed with its MACs; what follows it is recorded."""
        result = function(*args, **kwargs)
        outputs = [x for x in _flat(result) if _is_tensor(x)]
        if not outputs or not (self.calls or outputs[0].requires_grad) or self._is_selection(args, kwargs):
            return result
        self._begin_round()
        layer = self._layer(name.strip("_"), multiplies=True)
        module = self.calls[-1].name if self.calls else ""
        self.unsupported.add(module)
        inputs = [x for x in _flat([args, kwargs]) if _is_tensor(x)]
        forward = _estimate(name, args, kwargs, outputs[0])
        macs = None
        if forward is not None:
            macs = {"forward": forward}
            weights = [x for x in inputs if id(x) in self.parameters]
            others = [x for x in inputs if id(x) not in self.parameters]
            if any(x.requires_grad for x in others[:1]):
                macs["inputGrad"] = forward
            if any(x.requires_grad for x in weights + others[1:]):
                macs["weightGrad"] = forward
        self._list(layer, name.strip("_"), inputs, outputs, macs)
        self._know(outputs[0], layer)
        self._warn_once("%s in %s is not recorded" % (name, "module %r" % module if module else "the model"))
        return result

    def _leave_out_move(self, name, function, args, kwargs):
        """Any other function that makes a new tensor of activations inside the model, as padding: bytes, no MACs."""
        result = function(*args, **kwargs)
        if not _is_tensor(result) or not result.is_floating_point() or result.numel() < 2 or name.startswith("__get"):
            return result
        if self._is_selection(args, kwargs) or (torch.is_grad_enabled() and not result.requires_grad):
            return result
        inputs = [x for x in _flat([args, kwargs]) if _is_tensor(x)]
        is_embedding = name in ("embedding", "embedding_bag")
        known = any(_key(x) in self.ids for x in inputs) or is_embedding
        if not known or any(_shares_memory(x, result) for x in inputs):
            return result
        self._begin_round()
        layer = self._layer(name.strip("_"), multiplies=is_embedding)
        self._list(layer, name.strip("_"), inputs, [result], {})
        self._know(result, layer)
        return result

    def _is_selection(self, args, kwargs):
        """Inside an autograd function, and where code selects without gradients, it is the method that computes."""
        return not torch.is_grad_enabled() and any(_is_tensor(x) and x.requires_grad for x in _flat([args, kwargs]))

    def _list(self, layer, kind, inputs, outputs, macs):
        entry = {"name": layer, "kind": kind, "shapes": {"reads": _shapes(inputs), "writes": _shapes(outputs)}}
        if macs is not None:
            entry["macs"] = {step_pass: int(count) for step_pass, count in macs.items()}
        entry["bytesRead"], entry["bytesWritten"] = _bytes_of(inputs), _bytes_of(outputs)
        self.unrecorded.append(entry)

    def _know(self, result, layer):
        """What an op wrote that is not recorded, and its gradient, for those that are."""
        with torch.no_grad():
            rows = _rows(result)
            self._tensor(rows, layer + ":output", "activation", new=True)
            self.ids[_key(result)] = layer + ":output"

        def backward(grad):
            self._tensor(grad.reshape(rows.shape), layer + ":outputGrad", "gradient", new=True)

        if result.grad_fn is not None:
            self._hook(result, backward)

    def _multiply(self, name, function, args, kwargs):
        x, weight = _argument(args, kwargs, 0, "input"), _argument(args, kwargs, 1, "weight")
        if x.numel() == 0:
            raise ValueError("record: %s of an empty input, got shape %s; valid: a batch of at least 1" % (name, tuple(x.shape)))
        result = function(*args, **kwargs)
        self._begin_round()
        layer = self._layer(name, multiplies=True)
        module = self.calls[-1].name if self.calls else layer
        with torch.no_grad():
            if name == "conv2d":
                image = x if x.dim() == 4 else x.unsqueeze(0)
                output = result if result.dim() == 4 else result.unsqueeze(0)
                options = [_argument(args, kwargs, i, key, default) for i, key, default in _CONV_OPTIONS]
                mac = _Mac("conv", layer, module, _conv_geometry(image.shape, weight.shape, *options))
            else:
                image = x if x.dim() == 2 else x.reshape(-1, x.shape[-1])
                output = result if result.dim() == 2 else result.reshape(-1, result.shape[-1])
                mac = _Mac("linear", layer, module, _linear_geometry(image.shape, weight.shape))
            known = self.ids.get(_key(x))
            if known is not None and self.tensors[known]["shape"][0] == image.shape[0]:
                self.ids.setdefault(_key(image), known)
            mac.input = self._tensor(image, layer + ":input", "activation")
            self.ids.setdefault(_key(x), mac.input)
            mac.weight = self._weight(mac, weight)
            mac.saved = self._saved_input(mac, image)
            mac.input_grad = self._grad_id(mac.input)
            mac.weight_grad = self._declare(self._parameter_name(mac, weight) + ":grad", "parameterGrad", weight.shape)
            out = self._tensor(output, layer + ":output", "activation", new=True)
            self.ids[_key(result)] = out
        self.ops.append(mac.op("forward", {"input": mac.input, "weight": mac.weight}, out))
        mac.recomputed = self.in_backward
        self.macs.append(mac)
        if result.grad_fn is not None:
            mac.gets_input_grad, mac.gets_weight_grad = x.requires_grad, weight.requires_grad
            self._hook(result, self._mac_backward(mac))
        elif self.calls:
            mac.deferred = True
            self.calls[-1].pending.append((mac, tuple(result.shape)))
        return result

    def _parameter_name(self, mac, weight):
        if id(weight) in self.parameters:
            return self.parameters[id(weight)]
        # Pruned and parametrised weights are made from a parameter of the same shape.
        own = self.calls and self.calls[-1].leaf
        return (mac.module if own else mac.layer) + ".weight"

    def _mac_backward(self, mac):
        rows = mac.geometry["N"]

        def backward(grad):
            mac.has_gradient = True
            grad = grad.reshape(rows, -1) if mac.kind == "linear" else grad if grad.dim() == 4 else grad.unsqueeze(0)
            grad_id = self._tensor(grad, mac.layer + ":outputGrad", "gradient", new=True)
            if mac.gets_input_grad:
                self.ops.append(mac.op("inputGrad", {"outputGrad": grad_id, "weight": mac.weight}, mac.input_grad))
            if mac.gets_weight_grad:
                self.ops.append(mac.op("weightGrad", {"outputGrad": grad_id, "input": mac.saved}, mac.weight_grad))

        return backward

    def _move(self, kind, name, function, args, kwargs):
        first = _argument(args, kwargs, 0, "input")
        sources = list(first) if kind == "concat" and isinstance(first, (tuple, list)) else [first]
        if kind == "add":
            other = _argument(args, kwargs, 1, "other")
            sources.append(other if _is_tensor(other) and other.shape == getattr(first, "shape", None) else None)
        # Keys before the call: in-place functions write over what they read.
        keys = [_key(x) if _is_tensor(x) else None for x in sources]
        reads = [self.ids.get(key) for key in keys]
        known = all(reads) if kind == "add" else any(reads)
        if not known and not (self._takes_activation(kind, name, sources) and not self._is_selection(args, kwargs)):
            # A bias is part of its layer; what else is added or multiplied, as a gate, moves bytes.
            is_bias = "add" in name and any(id(x) in self.parameters for x in args)
            if is_bias or not self.calls:
                return function(*args, **kwargs)
            return self._leave_out_move(name, function, args, kwargs)
        # Inside an autograd function, and where code selects without gradients, it is the method that computes.
        if self._is_selection(args, kwargs):
            return function(*args, **kwargs)
        if not known:
            # Before the call, which may write over it.
            declared = _rows(first)
            bits = _bits(declared)
        result = function(*args, **kwargs)
        if not _is_tensor(result) or (_key(result) in keys):
            return result
        if kind == "averagePool" and name == "mean":
            if first.dim() not in (3, 4) or result.dim() not in (2, 4):
                return result
        self._begin_round()
        if kind == "loss":
            self._record_loss(result, [read for read in reads if read is not None])
            return result
        layer = self._layer(name.strip("_"))
        if not known:
            reads = [self._add(layer + ":input", "activation", declared.shape, bits)]
            self.alive.append(first)
            self.ids[keys[0]] = reads[0]
        reads = [read for read in reads if read is not None]
        # Element by element, a result has the shape that is kept of what it is made of, as [N * T, C] of [N, T, C].
        like = self.tensors[reads[0]]["shape"]
        shape = like if math.prod(like) == result.numel() else _rows(result).shape
        with torch.no_grad():
            out = self._tensor(result.reshape(tuple(shape)), layer + ":output", "activation", new=True)
            self.ids[_key(result)] = out
            self.alive.append(result)
        self._push(kind, "forward", layer, reads, [out])
        writes = [self._grad_id(read) for read in reads]
        needed = {"batchNorm": reads, "maxPool": reads, "relu": [out]}.get(kind, [])

        def backward(grad):
            grad_id = self._tensor(grad.reshape(tuple(shape)), layer + ":outputGrad", "gradient", new=True)
            self._push(kind, "backward", layer, [*needed, grad_id], writes)

        if result.grad_fn is not None:
            self._hook(result, backward)
        return result

    def _takes_activation(self, kind, name, sources):
        """Whether a module computes on a tensor that no op has written, as one that was transposed."""
        x = sources[0]
        if not self.calls or kind in ("add", "concat", "loss") or name == "mean" or not _is_tensor(x):
            return False
        return x.is_floating_point() and x.dim() > 1 and id(x) not in self.parameters

    def _record_loss(self, result, reads):
        with torch.no_grad():
            self.loss = float(result.mean())
        writes = [self._grad_id(reads[0])]
        if result.grad_fn is not None:
            self._hook(result, lambda grad: self._push("loss", "backward", "loss", reads[:1], writes))

    def _hook(self, result, backward):
        def hook(grad_inputs, grad_outputs):
            grad = grad_outputs[0]
            if not self.closed and grad is not None:
                if not self.in_backward:
                    # Began by torch.autograd.backward, which no mode sees.
                    self._begin_backward()
                    torch.autograd.Variable._execution_engine.queue_callback(self._end_backward)
                if self.rounds:
                    self.rounds[-1]["backward"] = True
                with torch.no_grad():
                    backward(grad.detach())

        self.handles.append(result.grad_fn.register_hook(hook))

    def _push(self, kind, step_pass, layer, reads, writes):
        self.ops.append({"kind": kind, "pass": step_pass, "layer": layer, "reads": reads, "writes": writes})

    # Tensors

    def _tensor(self, tensor, name, role, new=False):
        """The id of a tensor; `new` where it has just been computed, even over memory that has held another."""
        key = _key(tensor)
        if new or key not in self.ids:
            # Kept, so that no other tensor gets its memory and with that its key.
            self.alive.append(tensor)
            self.ids[key] = name
            self._add(name, role, tensor.shape, _bits(tensor))
        return self.ids[key]

    def _add(self, name, role, shape, mask, within=None):
        nonzeros = int(np.count_nonzero(mask))
        entry = {"id": name, "role": role, "shape": [int(extent) for extent in shape], "nonzeros": nonzeros}
        if nonzeros < mask.size:
            entry["mask"] = name + ".mask"
            self.masks[entry["mask"]] = np.packbits(mask.reshape(mask.shape[0], -1), axis=1, bitorder="little")
        if within is not None:
            entry["within"] = within
        self.tensors[name] = entry
        return name

    def _declare(self, name, role, shape):
        if name not in self.tensors:
            shape = [int(extent) for extent in shape] or [1]
            self.tensors[name] = {"id": name, "role": role, "shape": shape, "nonzeros": math.prod(shape)}
        return name

    def _grad_id(self, activation):
        """Id of the gradient of what an op wrote; it is in the file where that op is recorded, too."""
        return activation[: -len("output")] + "outputGrad" if activation.endswith(":output") else None

    def _sparsity(self, mac):
        dense = self.settings["dense_layers"]
        exempt = not self.macs if dense is None else mac.module in dense
        return None if exempt else self.settings["topk"]

    def _weight(self, mac, weight):
        told = (self.settings["weights"] or {}).get(mac.module)
        sparsity = self._sparsity(mac)
        if told is None and sparsity is None:
            return self._tensor(weight.detach(), mac.layer + ":weight", "weight")
        key = ("weight", _key(weight))
        if key not in self.selections:
            mask = _told("weights", mac.module, told, weight) if told is not None else _top_k(weight, sparsity)
            self.alive.append(weight.detach())
            self.selections[key] = self._add(mac.layer + ":weight", "weight", weight.shape, mask)
        return self.selections[key]

    def _saved_input(self, mac, x):
        told = (self.settings["saved_inputs"] or {}).get(mac.module)
        sparsity = self._sparsity(mac)
        if told is None and sparsity is None:
            return mac.input
        mask = _told("saved_inputs", mac.module, told, x) if told is not None else _top_k(x, sparsity)
        natural = _bits(x)
        if np.array_equal(mask, natural):
            return mac.input
        # Layers that save the same elements of a tensor share one.
        key = (mac.input, mask.tobytes())
        if key not in self.selections:
            within = mac.input if not np.any(mask & ~natural) else None
            name = mac.layer + ":savedInput"
            shape = self.tensors[mac.input]["shape"]
            self.selections[key] = self._add(name, "savedActivation", shape, mask, within)
        return self.selections[key]

    # The file

    def _finish(self):
        self._drop_unfinished_round()
        self._drop_checkpointed()
        self._warn_left_out()
        recorded, of = len(self.rounds), self.settings["micro_batches"]
        self._record_update(1 if of is None else min(1, recorded / of))
        for op in self.ops:
            if "operands" in op:
                if op["output"] not in self.tensors:
                    del op["output"]
            else:
                op["writes"] = [name for name in op["writes"] if name in self.tensors]
        if not self.macs:
            raise RuntimeError("record: no convolution or linear layer ran inside the block; nothing is written")
        s = self.settings
        folder = os.path.abspath(s["out"])
        step = _next_steps.get(folder, 0) if s["step"] is None else int(s["step"])
        _next_steps[folder] = step + 1
        manifest = {
            "version": "1.1",
            "producer": "swat_sim_trace.py, PyTorch " + str(torch.__version__),
            "network": s["network"] or type(self.model).__name__,
            "method": self._method(),
            "step": step,
            "tensors": list(self.tensors.values()),
            "ops": self.ops,
        }
        manifest.update({key: s[key] for key in ("dataset", "epoch", "seed") if s[key] is not None})
        if of is not None:
            manifest["microBatches"] = {"recorded": min(recorded, of), "of": of}
        if self.unrecorded:
            manifest["unrecorded"] = self.unrecorded
        if self.loss is not None and math.isfinite(self.loss):
            manifest["loss"] = self.loss
        os.makedirs(folder, exist_ok=True)
        _write_safetensors(os.path.join(folder, "step-%06d.safetensors" % step), manifest, self.masks)

    def _method(self):
        s = self.settings
        if s["topk"] is not None:
            dense = s["dense_layers"]
            return {
                "name": s["method"] or "swat-u",
                "sparsity": s["topk"],
                "topKPeriod": s["topk_period"],
                "firstLayerDense": dense is None or self.macs[0].module in dense,
                "lastLayerDense": dense is not None and self.macs[-1].module in dense,
            }
        selects = s["saved_inputs"] or s["weights"] or prune.is_pruned(self.model)
        return {"name": s["method"] or ("custom" if selects else "dense")}

    def _drop_checkpointed(self):
        """What a checkpoint computed anew has its backward passes there, not where the module returned first."""
        modules = {mac.module for mac in self.macs if mac.recomputed and mac.has_gradient}
        replaced = {mac.layer for mac in self.macs if mac.deferred and not mac.recomputed and mac.module in modules}
        self.ops = [op for op in self.ops if op["layer"] not in replaced or op["pass"] == "forward"]
        self.macs = [mac for mac in self.macs if mac.layer not in replaced]

    def _drop_unfinished_round(self):
        """A forward pass after the last backward pass, as to measure accuracy, is not of the step."""
        if self.backward and len(self.rounds) > 1 and not self.rounds[-1]["backward"]:
            mark = self.rounds.pop()
            del self.ops[mark["ops"] :], self.macs[mark["macs"] :], self.unrecorded[mark["unrecorded"] :]
            self._warn_once("a forward pass after the last backward pass is not recorded")

    def _record_update(self, share):
        optimizer = self.settings["optimizer"]
        if optimizer is None:
            return
        group_of = {id(p): group for group in optimizer.param_groups for p in group["params"]}
        for name, module in self.model.named_modules():
            layer = self.names[id(module)]
            reads, grads, momenta = [], [], []
            for key, p in module.named_parameters(recurse=False):
                if id(p) not in group_of or not p.requires_grad:
                    continue
                base = (layer + "." if layer else "") + (key[: -len("_orig")] if key.endswith("_orig") else key)
                reads.append(self._declare(base + ":master", "parameter", p.shape))
                grads.append(self._declare(base + ":grad", "parameterGrad", p.shape))
                for state in _states(optimizer, group_of[id(p)], p):
                    momenta.append(self._declare(base + ":" + state, "optimizerState", p.shape))
            if reads:
                self._push("optimizer", "update", layer or "parameters", reads + grads + momenta, reads + momenta)
                if share < 1:
                    self.ops[-1]["share"] = share

    def _warn_left_out(self):
        for mac in self.macs:
            if self.backward and not (mac.has_gradient or mac.recomputed) and torch.is_grad_enabled():
                self._warn_once("no gradient reached %r: its backward passes are not recorded" % mac.layer)
        if not self.backward:
            self._warn_once("no backward pass ran inside the block: the trace has forward passes only")
        recorded = {op["layer"].split("#")[0] for op in self.ops}
        recorded |= {entry["name"].split("#")[0] for entry in self.unrecorded}
        modules = set(self.names.values())
        # What the model itself computes has the name of the function.
        within_model = any("." not in seen and seen not in modules for seen in recorded)
        for name, module in self.model.named_modules():
            has_own = next(module.parameters(recurse=False), None) is not None
            layer = self.names[id(module)]
            seen = any(seen == layer or seen.startswith(layer + ".") for seen in recorded) if layer else within_model
            # What has no own call may be part of a module that has, as the projections of attention.
            left_out = any(layer == each or layer.startswith(each + ".") for each in self.unsupported)
            if has_own and not left_out and not seen:
                self._warn(name, module, "its arithmetic is not recorded")

    def _warn(self, name, module, why):
        self._warn_once("module %r (%s): %s" % (name, type(module).__name__, why))

    def _warn_once(self, message):
        if message not in self.warned:
            self.warned.add(message)
            frame = _user_frame()
            registry = frame.f_globals.setdefault("__warningregistry__", {})
            text = "swat_sim_trace: " + message
            warnings.warn_explicit(text, UserWarning, frame.f_code.co_filename, frame.f_lineno, registry=registry)


class _Nested:
    """The mode once more, while a function runs that it has been given."""

    def __init__(self, mode):
        self.mode = mode

    def __enter__(self):
        TorchFunctionMode.__enter__(self.mode)

    def __exit__(self, *error):
        TorchFunctionMode.__exit__(self.mode, *error)


_PACKAGES = (os.path.dirname(os.path.abspath(torch.__file__)) + os.sep, os.path.abspath(__file__))


def _user_frame():
    """The innermost frame that is neither of PyTorch nor of this file."""
    frame = sys._getframe()
    while frame.f_back is not None and os.path.abspath(frame.f_code.co_filename).startswith(_PACKAGES):
        frame = frame.f_back
    return frame


def _backward_options(args, kwargs):
    """Of Tensor.backward(gradient, retain_graph, create_graph, inputs), for torch.autograd.backward."""
    names = ("gradient", "retain_graph", "create_graph", "inputs")
    given = {**dict(zip(names[2:], args[3:])), **kwargs}
    options = {name: given[name] for name in names[1:] if name in given}
    return {**options, **({"grad_tensors": given["gradient"]} if "gradient" in given else {})}


def _flat(value):
    """The items of nested lists, tuples and dictionaries."""
    if isinstance(value, dict):
        value = list(value.values())
    return [x for item in value for x in _flat(item)] if isinstance(value, (list, tuple)) else [value]


def _shapes(tensors):
    return [[int(extent) for extent in x.shape] for x in tensors]


def _bytes_of(tensors):
    return sum(x.numel() * x.element_size() for x in tensors)


def _rows(tensor):
    """As it is kept: [N, T, C] as [N * T, C], as a linear layer multiplies it."""
    return tensor.reshape(-1, tensor.shape[-1]) if tensor.dim() == 3 else tensor.reshape(1) if tensor.dim() == 0 else tensor


def _shares_memory(a, b):
    return a.numel() > 0 and _storage(a) == _storage(b)


def _storage(tensor):
    storage = tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor.storage()
    return storage.data_ptr()


def _estimate(name, args, kwargs, output):
    """MACs of a function's forward pass from its shapes; None where they are not known."""
    try:
        if name == "einsum":
            return _einsum_macs(*args)
        rule = _UNSUPPORTED[name]
        if rule is None:
            return None
        if name in ("lstm", "gru", "rnn_tanh", "rnn_relu") or name.endswith("_cell"):
            return rule(*args)
        tensors = [x for x in _flat([args, kwargs]) if _is_tensor(x)]
        return rule(*tensors[: rule.__code__.co_argcount - 1], output)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def _recurrent_macs(x, rest):
    """Every matrix of weights multiplies every position of the sequence; states are no parameters."""
    matrices = [w for w in _flat(list(rest)) if isinstance(w, torch.nn.Parameter) and w.dim() == 2]
    return x.numel() // x.shape[-1] * sum(w.numel() for w in matrices)


def _attention_macs(q, k, v):
    """Projections of [L, N, E] and back, Q K^T and P V, for queries, keys and values of one width."""
    rows, keys, width = q.numel() // q.shape[-1], k.shape[0], q.shape[-1]
    projections = (rows * width + k.numel() + v.numel() + rows * width) * width
    return projections + 2 * rows * keys * width


def _einsum_macs(equation, *operands):
    """The product of all extents, for two operands."""
    operands = operands[0] if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else operands
    terms = equation.replace(" ", "").split("->")[0].split(",")
    if "." in equation or len(terms) != 2:
        return None
    extents = {index: int(n) for term, x in zip(terms, operands) for index, n in zip(term, x.shape)}
    return math.prod(extents.values())


_CONV_OPTIONS = ((3, "stride", 1), (4, "padding", 0), (5, "dilation", 1), (6, "groups", 1))


def _is_tensor(value):
    return isinstance(value, torch.Tensor)


def _clean(name):
    """Names without the wrapper of DataParallel and DistributedDataParallel."""
    return name[len("module.") :] if name.startswith("module.") else "" if name == "module" else name


def _argument(args, kwargs, index, name, default=None):
    return args[index] if index < len(args) else kwargs.get(name, default)


def _pair(value):
    pair = tuple(int(x) for x in value) if isinstance(value, (tuple, list)) else (int(value),) * 2
    return pair * 2 if len(pair) == 1 else pair


def _key(tensor):
    """What tells one value of a tensor from another: its memory, how often it was written over, and its layout."""
    version = 0 if tensor.is_inference() else tensor._version
    layout = None if tensor.is_contiguous() else (tuple(tensor.shape), tensor.stride())
    rows = tensor.shape[0] if tensor.dim() else 1
    return (tensor.data_ptr(), version, tensor.dtype, rows, tensor.numel(), layout)


def _conv_geometry(image, weight, stride, padding, dilation, groups):
    n, c, h, w = (int(x) for x in image)
    k, _, r, s = (int(x) for x in weight)
    stride, dilation = _pair(stride), _pair(dilation)
    if padding == "same":
        spans = (dilation[0] * (r - 1), dilation[1] * (s - 1))
        # As PyTorch: what is odd goes to the bottom and the right.
        sides = [spans[0] // 2, spans[0] - spans[0] // 2, spans[1] // 2, spans[1] - spans[1] // 2]
    else:
        top, left = (0, 0) if padding == "valid" else _pair(padding)
        sides = [top, top, left, left]
    sizes = {"N": n, "C": c, "H": h, "W": w, "K": k, "R": r, "S": s}
    return {**sizes, "stride": list(stride), "padding": sides, "dilation": list(dilation), "groups": int(groups)}


def _linear_geometry(rows, weight):
    (n, c), k = (int(x) for x in rows), int(weight[0])
    return _conv_geometry((n, c, 1, 1), (k, c, 1, 1), 1, 0, 1, 1)


def _bits(tensor):
    return tensor.detach().ne(0).cpu().numpy()


def _top_k(tensor, sparsity):
    """The elements that SWAT keeps: ceil((1 - s) n) largest magnitudes, ties kept, ranked over the whole tensor."""
    magnitudes = tensor.detach().abs().float().cpu().numpy()
    keep = math.ceil((1 - sparsity) * magnitudes.size)
    threshold = np.partition(magnitudes.reshape(-1), magnitudes.size - keep)[magnitudes.size - keep]
    return (magnitudes >= threshold) & (magnitudes != 0)


def _told(option, layer, told, tensor):
    value = told(tensor.detach()) if callable(told) else told
    if not _is_tensor(value) or tuple(value.shape) != tuple(tensor.shape):
        got = tuple(value.shape) if _is_tensor(value) else type(value).__name__
        raise ValueError("%s[%r]: needs a tensor of %s, got %s" % (option, layer, tuple(tensor.shape), got))
    mask = _bits(value)
    # A mask selects; what it keeps of activation zeros is zero.
    return mask & _bits(tensor) if value.dtype == torch.bool else mask


def _states(optimizer, group, parameter):
    """Names of the tensors of the parameter's size that the optimizer keeps; before its first step, by its settings."""
    state = optimizer.state.get(parameter, {})
    kept = [key for key, value in state.items() if _is_tensor(value) and value.shape == parameter.shape]
    if state:
        return ["momentum" if key == "momentum_buffer" else key for key in kept]
    if "betas" in group:
        return ["exp_avg", "exp_avg_sq"] + (["max_exp_avg_sq"] if group.get("amsgrad") else [])
    names = ["square_avg"] if "alpha" in group else []
    return names + (["momentum"] if group.get("momentum") else [])


def _write_safetensors(path, manifest, masks):
    """The whole file or nothing: written beside its place, then renamed."""
    header, end = {"__metadata__": {"swat-sim": json.dumps(manifest, allow_nan=False)}}, 0
    for name, mask in masks.items():
        header[name] = {"dtype": "U8", "shape": list(mask.shape), "data_offsets": [end, end + mask.nbytes]}
        end += mask.nbytes
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    partial = "%s.%d.partial" % (path, os.getpid())
    try:
        with open(partial, "wb") as file:
            file.write(struct.pack("<Q", len(text)))
            file.write(text)
            for mask in masks.values():
                file.write(np.ascontiguousarray(mask).tobytes())
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
