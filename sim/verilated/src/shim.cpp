// The C side of the Rust crate `verilated`: one instance of one model behind a few C functions.
//
// Before this text the build puts a prelude: `#include "Vdut.h"`, VRS_TRACE (0 none, 1 VCD, 2 FST) and VRS_PORTS(X), a list of
// X(member of the model, name in Verilog, direction, width in bits, bytes of storage or 0 for an array of 32-bit words).

#include "verilated.h"

#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <string>

#if VM_COVERAGE
#include "verilated_cov.h"
#endif

#if VRS_TRACE == 1
#include "verilated_vcd_c.h"
using VrsTracer = VerilatedVcdC;
#elif VRS_TRACE == 2
#include "verilated_fst_c.h"
using VrsTracer = VerilatedFstC;
#endif

#define VRS_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

// Thrown by vl_fatal: the caller of vl_fatal counts on it not returning (a loop that does not converge would never end).
struct VrsFatal {};

enum VrsStatus : int { VRS_RUNNING = 0, VRS_FINISHED = 1, VRS_FAILED = 2 };

struct VrsInstance {
    std::unique_ptr<VerilatedContext> context{new VerilatedContext};
    std::unique_ptr<Vdut> model;
    CData* clock = nullptr;
    uint64_t cycle = 0;
    int status = VRS_RUNNING;
    std::string message;
#if VRS_TRACE
    std::unique_ptr<VrsTracer> tracer;
    uint64_t trace_from = 0;
    uint64_t trace_to = 0;
#endif

    void fail(const std::string& text) {
        if (status == VRS_FAILED) return;  // the first cause counts
        status = VRS_FAILED;
        message = text;
    }
};

thread_local VrsInstance* t_current = nullptr;

// Construction and the first eval draw the random initial values. Verilator's generator is reseeded in every thread when any
// context sets a seed, so they happen under one lock to depend on the seed alone.
std::mutex s_birth;

// Makes an instance the current one of this thread, as $finish and the like reach it through thread-local state.
struct VrsScope {
    explicit VrsScope(VrsInstance* instance) {
        t_current = instance;
        Verilated::threadContextp(instance->context.get());
    }
    ~VrsScope() { t_current = nullptr; }
};

std::string vrs_place(const char* file, int line, const std::string& text) {
    if (!file || !file[0]) return text;
    return std::string{file} + ":" + std::to_string(line) + ": " + text;
}

// Runs `body` so that neither $fatal nor an exception of the runtime leaves the shared object.
template <class Body>
int vrs_guard(VrsInstance* instance, Body&& body) {
    const VrsScope scope{instance};
    try {
        body();
    } catch (const VrsFatal&) {
    } catch (const std::exception& error) {
        instance->fail(error.what());
    } catch (...) { instance->fail("unknown C++ exception"); }
    return instance->status;
}

#if VRS_TRACE
void vrs_trace_close(VrsInstance* instance) {
    if (!instance->tracer) return;
    instance->tracer->close();
    instance->tracer.reset();
}
#endif

void vrs_cycle(VrsInstance* instance) {
    const uint64_t time = instance->cycle * 10;
    instance->context->time(time);
    *instance->clock = 0;
    instance->model->eval();
#if VRS_TRACE
    const bool traced = instance->tracer && instance->cycle >= instance->trace_from && instance->cycle < instance->trace_to;
    if (traced) instance->tracer->dump(time);
#endif
    instance->context->time(time + 5);
    *instance->clock = 1;
    instance->model->eval();
    ++instance->cycle;
#if VRS_TRACE
    if (traced) instance->tracer->dump(time + 5);
    if (instance->tracer && instance->cycle >= instance->trace_to) vrs_trace_close(instance);
#endif
}

}  // namespace

void vl_finish(const char*, int, const char*) {
    if (!t_current) return;
    t_current->context->gotFinish(true);
    if (t_current->status == VRS_RUNNING) t_current->status = VRS_FINISHED;
}

void vl_stop(const char* file, int line, const char*) {
    if (!t_current) return;
    t_current->context->gotFinish(true);
    t_current->fail(vrs_place(file, line, "Verilog $stop, $error or failed assertion"));
}

void vl_fatal(const char* file, int line, const char*, const char* text) {
    if (t_current) {
        t_current->context->gotFinish(true);
        t_current->fail(vrs_place(file, line, text ? text : "fatal error"));
    }
    throw VrsFatal{};
}

struct VrsPort {
    const char* name;
    uint32_t direction;
    uint32_t width;
    uint32_t storage;
};

static const VrsPort s_ports[] = {
#define X(member, name, direction, width, storage) {name, direction, width, storage},
    VRS_PORTS(X)
#undef X
        {nullptr, 0, 0, 0}};

VRS_EXPORT uint32_t vrs_abi() { return VRS_ABI; }

VRS_EXPORT const VrsPort* vrs_ports() { return s_ports; }

// Writes the address of each port's storage, in the order of vrs_ports, to `out`.
VRS_EXPORT void vrs_addresses(VrsInstance* instance, void** out) {
#define X(member, name, direction, width, storage) *out++ = static_cast<void*>(&instance->model->member);
    VRS_PORTS(X)
#undef X
    (void)instance;
    (void)out;
}

// `seed` 0: everything starts at zero; otherwise 1 to 2^31 - 1. `clock` is an index into vrs_ports or -1.
// Always returns an instance; vrs_status tells whether the initial blocks ran through.
VRS_EXPORT VrsInstance* vrs_new(int seed, int clock) {
    VrsInstance* const instance = new VrsInstance;
    const std::lock_guard<std::mutex> lock{s_birth};
    vrs_guard(instance, [&] {
        instance->context->randReset(seed ? 2 : 0);
        instance->context->randSeed(seed ? seed : 1);
        instance->context->fatalOnError(false);
#if VRS_TRACE
        instance->context->traceEverOn(true);
#endif
        instance->model.reset(new Vdut{instance->context.get(), "TOP"});
        int index = 0;
#define X(member, name, direction, width, storage) \
    if (direction != 1) __builtin_memset(&instance->model->member, 0, storage ? storage : (width + 31) / 32 * 4); \
    if (index++ == clock) instance->clock = reinterpret_cast<CData*>(&instance->model->member);
        VRS_PORTS(X)
#undef X
        (void)index;
        instance->model->eval();
    });
    return instance;
}

// Writes the counts of lines and toggles so far, in the format that verilator_coverage reads.
VRS_EXPORT int vrs_coverage(VrsInstance* instance, const char* path) {
#if VM_COVERAGE
    return vrs_guard(instance, [&] { instance->context->coveragep()->write(path); });
#else
    (void)path;
    return instance->status;
#endif
}

VRS_EXPORT void vrs_free(VrsInstance* instance) {
    vrs_guard(instance, [&] {
#if VRS_TRACE
        vrs_trace_close(instance);
#endif
        if (instance->model && instance->status != VRS_FAILED) instance->model->final();
    });
    {
        const VrsScope scope{instance};
        instance->model.reset();
    }
    Verilated::threadContextp(nullptr);
    delete instance;
}

VRS_EXPORT int vrs_status(const VrsInstance* instance) { return instance->status; }

VRS_EXPORT const char* vrs_message(const VrsInstance* instance) { return instance->message.c_str(); }

VRS_EXPORT int vrs_eval(VrsInstance* instance) {
    if (instance->status == VRS_FAILED) return instance->status;
    return vrs_guard(instance, [&] { instance->model->eval(); });
}

// Runs up to `count` cycles, fewer when the model stops; `*cycle` becomes the number of cycles since the start.
VRS_EXPORT int vrs_tick(VrsInstance* instance, uint64_t count, uint64_t* cycle) {
    vrs_guard(instance, [&] {
        for (uint64_t i = 0; i < count && instance->status == VRS_RUNNING; ++i) vrs_cycle(instance);
    });
    *cycle = instance->cycle;
    return instance->status;
}

// Opens a trace of the cycles [from, to). Returns 0, or 1 when the file cannot be opened.
VRS_EXPORT int vrs_trace(VrsInstance* instance, const char* path, uint64_t from, uint64_t to) {
#if VRS_TRACE
    bool open = false;
    vrs_guard(instance, [&] {
        vrs_trace_close(instance);
        instance->tracer.reset(new VrsTracer);
        instance->model->trace(instance->tracer.get(), 99);
        instance->tracer->open(path);
        instance->trace_from = from;
        instance->trace_to = to;
        open = instance->tracer->isOpen();
    });
    if (!open) instance->tracer.reset();
    return open ? 0 : 1;
#else
    (void)instance; (void)path; (void)from; (void)to;
    return 1;
#endif
}

VRS_EXPORT void vrs_trace_end(VrsInstance* instance) {
#if VRS_TRACE
    vrs_guard(instance, [&] { vrs_trace_close(instance); });
#else
    (void)instance;
#endif
}
