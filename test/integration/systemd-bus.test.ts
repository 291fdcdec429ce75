import { setTimeout as sleep } from "node:timers/promises";
import dbus from "dbus-next";
import { afterEach, describe, expect, test } from "vitest";
import { isFailure } from "../../src/errors.ts";
import { Bus } from "../../src/systemd/bus.ts";
import { type ConnectOptions, connectSystemd, type Systemd } from "../../src/systemd/systemd.ts";
import {
  connectClient,
  type FakeSystemd,
  startBus,
  startFakePrivateSystemd,
  startFakeSystemd,
} from "../support/systemd.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function fakeSystemd(options: ConnectOptions = {}): Promise<{ fake: FakeSystemd; systemd: Systemd }> {
  const fake = await startFakeSystemd();
  cleanups.push(() => fake.stop());
  const systemd = await connectSystemd({ address: fake.address, privateSocket: "/nonexistent", ...options });
  cleanups.push(() => systemd.close());
  return { fake, systemd };
}

async function privateSystemd(
  options: ConnectOptions = {},
): Promise<{ fake: FakeSystemd; systemd: Systemd }> {
  const fake = await startFakePrivateSystemd();
  cleanups.push(() => fake.stop());
  const systemd = await connectSystemd({
    address: "unix:path=/nonexistent",
    privateSocket: fake.path,
    ...options,
  });
  cleanups.push(() => systemd.close());
  return { fake, systemd };
}

async function failure(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; hint: string | undefined }> {
  try {
    await promise;
  } catch (error) {
    if (isFailure(error)) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error("it did not fail");
}

describe("connectSystemd()", () => {
  test("without bus and private socket fails with NO_SYSTEMD and a hint", async () => {
    const error = await failure(
      connectSystemd({ address: "unix:path=/nonexistent", privateSocket: "/nonexistent" }),
    );
    expect(error).toEqual({
      code: "NO_SYSTEMD",
      message: "cannot reach systemd on this host",
      hint: expect.stringContaining("--root DIR"),
    });
  });

  test("on a bus without systemd fails with NO_SYSTEMD", async () => {
    const bus = await startBus();
    cleanups.push(() => bus.stop());
    const error = await failure(connectSystemd({ address: bus.address, privateSocket: "/nonexistent" }));
    expect(error.code).toBe("NO_SYSTEMD");
  });

  test("takes the first address of a list that answers", async () => {
    const { fake } = await fakeSystemd();
    const systemd = await connectSystemd({ address: `unix:path=/nonexistent;${fake.address},guid=00` });
    expect(await systemd.version()).toBe("252 (fake)");
    systemd.close();
  });

  test("fails in time at a socket that accepts and says nothing", async () => {
    const { createServer } = await import("node:net");
    const bus = await startBus();
    cleanups.push(() => bus.stop());
    const path = `${bus.path}-mute`;
    const server = createServer(() => undefined).listen(path);
    cleanups.push(() => server.close());
    const options = { address: `unix:path=${path}`, privateSocket: "/nonexistent", timeoutMs: 50 };
    expect((await failure(connectSystemd(options))).code).toBe("NO_SYSTEMD");
  });
});

describe.each([
  ["the bus", fakeSystemd],
  ["the private socket", privateSystemd],
])("over %s", (_, connect) => {
  test.each(["before", "after"] as const)(
    "start() gives the job's result when JobRemoved comes %s the reply",
    async (removed) => {
      const { fake, systemd } = await connect();
      fake.manager.jobs.set("a.service", { removed, result: "failed" });
      expect(await systemd.start("a.service")).toBe("failed");
      expect(await systemd.restart("b.service")).toBe("done");
      expect(await systemd.stop("b.service", "ignore-dependencies")).toBe("done");
      expect(fake.manager.calls.at(-1)).toMatchObject({
        member: "StopUnit",
        body: ["b.service", "ignore-dependencies"],
      });
    },
  );

  test("50 jobs at a time each get their own result", async () => {
    const { fake, systemd } = await connect();
    const units = Array.from({ length: 50 }, (_each, index) => `u${index}.service`);
    for (const [index, unit] of units.entries()) {
      fake.manager.jobs.set(unit, { removed: index % 3 === 0 ? "before" : "after", result: `r${index}` });
    }
    expect(await Promise.all(units.map((unit) => systemd.start(unit)))).toEqual(
      units.map((_each, index) => `r${index}`),
    );
  });

  test("a job of another program is not taken for ours", async () => {
    const { fake, systemd } = await connect();
    fake.manager.jobs.set("a.service", { removed: "never" });
    const started = systemd.start("a.service");
    await expect.poll(() => fake.manager.members()).toContain("StartUnit");
    fake.manager.removeJob("/org/freedesktop/systemd1/job/7", { unit: "a.service", result: "canceled" });
    fake.manager.removeJob("/org/freedesktop/systemd1/job/101", { unit: "a.service", result: "done" });
    expect(await started).toBe("done");
  });

  test("a job has no deadline but its own", async () => {
    const { fake, systemd } = await connect({ timeoutMs: 100 });
    fake.manager.jobs.set("a.service", { removed: "never" });
    const started = systemd.start("a.service");
    await sleep(250);
    fake.manager.removeJob("/org/freedesktop/systemd1/job/101", { unit: "a.service", result: "done" });
    expect(await started).toBe("done");
    expect(await failure(systemd.start("a.service", "replace", { timeoutMs: 50 }))).toMatchObject({
      code: "JOB_FAILED",
      message: "systemd did not start a.service in 0.05 s",
    });
  });

  test("waiting for a job ends at once when the signal aborts", async () => {
    const { fake, systemd } = await connect();
    fake.manager.jobs.set("a.service", { removed: "never" });
    const controller = new AbortController();
    const started = failure(systemd.start("a.service", undefined, { signal: controller.signal }));
    await expect.poll(() => fake.manager.members()).toContain("StartUnit");
    controller.abort();
    expect(await started).toMatchObject({
      code: "INTERRUPTED",
      message: "interrupted while waiting for systemd to start a.service",
    });
    const calls = fake.manager.calls.length;
    const again = systemd.start("b.service", undefined, { signal: controller.signal });
    expect((await failure(again)).code).toBe("INTERRUPTED");
    expect(fake.manager.calls).toHaveLength(calls);
  });

  test("asking for a job ends at once when the signal aborts", async () => {
    const { fake, systemd } = await connect();
    fake.manager.replies.set("StartUnit", "never");
    const controller = new AbortController();
    const started = failure(systemd.start("a.service", undefined, { signal: controller.signal }));
    await expect.poll(() => fake.manager.members()).toContain("StartUnit");
    controller.abort();
    expect((await started).code).toBe("INTERRUPTED");
  });

  test("a call without a reply fails at its deadline and names the unit and the method", async () => {
    const { fake, systemd } = await connect({ timeoutMs: 100 });
    fake.manager.replies.set("StartUnit", "never");
    expect(await failure(systemd.start("a.service"))).toMatchObject({
      code: "NO_SYSTEMD",
      message: "systemd did not answer StartUnit(a.service, replace) in 0.1 s",
    });
    expect(await systemd.version()).toBe("252 (fake)");
  });

  test("everything pending fails at once when the peer dies, and so does every later call", async () => {
    const { fake, systemd } = await connect();
    fake.manager.jobs.set("a.service", { removed: "never" });
    fake.manager.replies.set("Reload", "never");
    const pending = [failure(systemd.start("a.service")), failure(systemd.reload())];
    await expect.poll(() => fake.manager.members()).toEqual(expect.arrayContaining(["StartUnit", "Reload"]));
    await sleep(20);
    const before = performance.now();
    await fake.die();
    expect(await Promise.all(pending)).toEqual([
      expect.objectContaining({
        code: "NO_SYSTEMD",
        message: "the connection to systemd was lost: waiting for systemd to start a.service",
      }),
      expect.objectContaining({
        code: "NO_SYSTEMD",
        message: "the connection to systemd was lost: Reload()",
      }),
    ]);
    expect((await failure(systemd.stop("a.service"))).code).toBe("NO_SYSTEMD");
    expect((await failure(systemd.unit("a.service"))).code).toBe("NO_SYSTEMD");
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test("at most 32 calls are in flight", async () => {
    const { fake, systemd } = await connect();
    fake.manager.delayMs = 5;
    const states = await Promise.all(Array.from({ length: 200 }, () => systemd.fileState("none.service")));
    expect(states).toEqual(Array.from({ length: 200 }, () => undefined));
    expect(fake.manager.mostInFlight).toBe(32);
  });

  test("reading a property needs no Subscribe", async () => {
    const { fake, systemd } = await connect();
    await systemd.unit("a.service");
    expect(fake.manager.members()).not.toContain("Subscribe");
  });

  test("close() fails what is pending and lets later calls fail", async () => {
    const { fake, systemd } = await connect();
    fake.manager.replies.set("Reload", "never");
    const pending = failure(systemd.reload());
    await expect.poll(() => fake.manager.members()).toContain("Reload");
    systemd.close();
    systemd.close();
    expect(await pending).toMatchObject({
      code: "NO_SYSTEMD",
      message: "the connection to systemd was closed: Reload()",
    });
    expect((await failure(systemd.version())).code).toBe("NO_SYSTEMD");
  });
});

describe("jobs over the bus", () => {
  test("Subscribe comes before the first job, once", async () => {
    const { fake, systemd } = await fakeSystemd();
    await Promise.all([systemd.start("a.service"), systemd.start("b.service")]);
    await systemd.start("c.service");
    expect(fake.manager.members()).toEqual(["Subscribe", "StartUnit", "StartUnit", "StartUnit"]);
  });

  test("a JobRemoved from another client of the bus is ignored", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.jobs.set("a.service", { removed: "never" });
    const started = systemd.start("a.service");
    await expect.poll(() => fake.manager.members()).toContain("StartUnit");
    const attacker = await connectClient(fake.address);
    cleanups.push(() => attacker.disconnect());
    const target = ":1.1";
    const forged = dbus.Message.newSignal(
      "/org/freedesktop/systemd1",
      "org.freedesktop.systemd1.Manager",
      "JobRemoved",
      "uoss",
      [101, "/org/freedesktop/systemd1/job/101", "a.service", "failed"],
    );
    forged.destination = target;
    await attacker.send(forged);
    await sleep(50);
    fake.manager.removeJob("/org/freedesktop/systemd1/job/101", { unit: "a.service", result: "done" });
    expect(await started).toBe("done");
  });

  test("a job goes on when systemd is executed anew, and so does the subscription", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.jobs.set("a.service", { removed: "never" });
    const started = systemd.start("a.service");
    await expect.poll(() => fake.manager.members()).toContain("StartUnit");
    await fake.reexec();
    fake.manager.removeJob("/org/freedesktop/systemd1/job/101", { unit: "a.service", result: "done" });
    expect(await started).toBe("done");
    expect(await systemd.start("b.service")).toBe("done");
  });

  test("a client that is subscribed already is served", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.subscribed = true;
    expect(await systemd.start("a.service")).toBe("done");
  });

  test("fails when systemd leaves the bus", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.jobs.set("a.service", { removed: "never" });
    const started = failure(systemd.start("a.service"));
    await expect.poll(() => fake.manager.members()).toContain("StartUnit");
    await sleep(20);
    await fake.leave();
    expect(await started).toMatchObject({
      code: "NO_SYSTEMD",
      message: "systemd left the bus: waiting for systemd to start a.service",
    });
    expect((await failure(systemd.version())).code).toBe("NO_SYSTEMD");
    await fake.comeBack();
    expect(await systemd.start("b.service")).toBe("done");
    expect(fake.manager.members().filter((member) => member === "Subscribe")).toHaveLength(2);
  });
});

describe("error replies", () => {
  test.each([
    [
      "org.freedesktop.systemd1.NoSuchUnit",
      "JOB_FAILED",
      "systemd cannot start a.service: it knows no such unit",
    ],
    [
      "org.freedesktop.systemd1.UnitMasked",
      "JOB_FAILED",
      "systemd cannot start a.service: the unit is masked",
    ],
    ["org.freedesktop.systemd1.LoadFailed", "UNIT_INVALID", "systemd cannot start a.service: why"],
    ["org.freedesktop.systemd1.BadUnitSetting", "UNIT_INVALID", "systemd cannot start a.service: why"],
    [
      "org.freedesktop.systemd1.TransactionOrderIsCyclic",
      "ORDER_CYCLE",
      "systemd cannot start a.service: why",
    ],
    ["org.freedesktop.DBus.Error.AccessDenied", "NOT_ROOT", "systemd cannot start a.service: why"],
    ["org.freedesktop.DBus.Error.NoReply", "NO_SYSTEMD", "systemd cannot start a.service: why"],
    ["org.example.Odd", "JOB_FAILED", "systemd cannot start a.service: why (org.example.Odd)"],
  ])("%s is %s", async (error, code, message) => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.replies.set("StartUnit", { error, text: "why" });
    expect(await failure(systemd.start("a.service"))).toMatchObject({ code, message });
  });

  test("FileNotFound names what was to be enabled", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.replies.set("EnableUnitFiles", {
      error: "org.freedesktop.DBus.Error.FileNotFound",
      text: "no",
    });
    expect(await failure(systemd.enable(["a.service"]))).toMatchObject({
      code: "JOB_FAILED",
      message: "systemd cannot enable a.service: there is no such unit file",
    });
  });

  test("resetFailed() ignores a unit that is not loaded, and only that", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.replies.set("ResetFailedUnit", {
      error: "org.freedesktop.systemd1.NoSuchUnit",
      text: "not loaded",
    });
    await systemd.resetFailed("a.service");
    fake.manager.replies.set("ResetFailedUnit", {
      error: "org.freedesktop.DBus.Error.AccessDenied",
      text: "no",
    });
    expect((await failure(systemd.resetFailed("a.service"))).code).toBe("NOT_ROOT");
  });
});

describe("units", () => {
  test("unit() reads what a running service is", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.units.set("my-a@b.service", {
      LoadState: ["s", "loaded"],
      ActiveState: ["s", "active"],
      SubState: ["s", "running"],
      ActiveEnterTimestamp: ["t", 18446744073709551615n],
      InvocationID: ["ay", Buffer.from("00ff10", "hex")],
      UnitFileState: ["s", "enabled"],
      NeedDaemonReload: ["b", true],
      Result: ["s", "success"],
      MainPID: ["u", 42],
      NRestarts: ["u", 3],
      ControlGroup: ["s", "/system.slice/my-a@b.service"],
      StatusText: ["s", "ready"],
      ExecMainCode: ["i", 0],
      ExecMainStatus: ["i", -1],
    });
    expect(await systemd.unit("my-a@b.service")).toEqual({
      name: "my-a@b.service",
      loadState: "loaded",
      activeState: "active",
      subState: "running",
      result: "success",
      mainPid: 42,
      nRestarts: 3,
      activeEnterUsec: 18446744073709551615n,
      controlGroup: "/system.slice/my-a@b.service",
      statusText: "ready",
      execMainCode: 0,
      execMainStatus: -1,
      invocationId: "00ff10",
      unitFileState: "enabled",
      needDaemonReload: true,
    });
  });

  test("unit() of one that does not exist is not-found", async () => {
    const { systemd } = await fakeSystemd();
    expect(await systemd.unit("none.service")).toMatchObject({
      loadState: "not-found",
      activeState: "inactive",
    });
  });

  test("unit() asks for nothing of a service where the unit is none", async () => {
    const { fake, systemd } = await fakeSystemd();
    expect(await systemd.unit("basic.target")).toMatchObject({ result: "", mainPid: 0, controlGroup: "" });
    expect(new Set(fake.manager.calls.map(({ body }) => body[0]))).toEqual(
      new Set(["org.freedesktop.systemd1.Unit"]),
    );
  });

  test("property() gives lists and structures as they are", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.units.set("a.service", {
      After: ["as", ["b.service", "c.service"]],
      Odd: ["a(st)", [["x", 1n]]],
    });
    expect(await systemd.property("a.service", "Unit", "After")).toEqual(["b.service", "c.service"]);
    expect(await systemd.property("a.service", "Unit", "Odd")).toEqual([["x", 1n]]);
    expect(await failure(systemd.property("a.service", "Service", "None"))).toMatchObject({
      code: "JOB_FAILED",
      message: expect.stringContaining("systemd cannot tell None of a.service"),
    });
  });

  test("fileState(), list(), enable(), disable() and reload() say what they are asked to", async () => {
    const { fake, systemd } = await fakeSystemd();
    fake.manager.unitFiles.set("a.service", "enabled");
    fake.manager.units.set("a.service", {
      LoadState: ["s", "loaded"],
      ActiveState: ["s", "failed"],
      SubState: ["s", "failed"],
    });
    expect(await systemd.fileState("a.service")).toBe("enabled");
    expect(await systemd.fileState("b.service")).toBeUndefined();
    expect(await systemd.list(["a.service", "b.service"])).toEqual([
      { name: "a.service", loadState: "loaded", activeState: "failed", subState: "failed" },
    ]);
    fake.manager.calls.length = 0;
    await systemd.enable(["a.service"]);
    await systemd.disable(["a.service", "b.service"]);
    await systemd.reload();
    expect(fake.manager.calls.map(({ member, body }) => [member, body])).toEqual([
      ["EnableUnitFiles", [["a.service"], false, false]],
      ["DisableUnitFiles", [["a.service", "b.service"], false]],
      ["Reload", []],
    ]);
  });
});

describe("Bus", () => {
  test("an exception in a signal handler is not swallowed: it ends the connection and is the cause", async () => {
    const fake = await startFakePrivateSystemd({ stall: false });
    cleanups.push(() => fake.stop());
    const bus = await Bus.open(fake.path);
    bus.onSignal = (): void => {
      throw new Error("bug in a handler");
    };
    fake.manager.jobs.set("a.service", { removed: "before" });
    const call = bus.call({
      destination: "org.freedesktop.systemd1",
      path: "/org/freedesktop/systemd1",
      interface: "org.freedesktop.systemd1.Manager",
      member: "StartUnit",
      signature: "ss",
      body: ["a.service", "replace"],
    });
    await expect(call).rejects.toMatchObject({ code: "NO_SYSTEMD", cause: { message: "bug in a handler" } });
  });

  test("a body that does not fit its signature fails that call only", async () => {
    const fake = await startFakePrivateSystemd({ stall: false });
    cleanups.push(() => fake.stop());
    const bus = await Bus.open(fake.path);
    cleanups.push(() => bus.close());
    const target = {
      destination: "org.freedesktop.systemd1",
      path: "/org/freedesktop/systemd1",
      interface: "org.freedesktop.systemd1.Manager",
      member: "Reload",
    };
    await expect(bus.call({ ...target, signature: "s", body: [] })).rejects.toThrow(/body/);
    expect(await bus.call(target)).toEqual([]);
  });
});
