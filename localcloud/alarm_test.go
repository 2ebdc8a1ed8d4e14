package localcloud

import (
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// alarmed has an object whose alarm writes what it knows into KV, and fails the first
// time if it is told to.
const alarmed = `
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
	async wake(ms, fail) { await this.ctx.storage.put("fail", fail); await this.ctx.storage.setAlarm(Date.now() + ms); }
	async alarm(info) {
		if (info.retryCount === 0 && (await this.ctx.storage.get("fail"))) throw new Error("the first time");
		await this.env.KV.put("woken", "after " + info.retryCount + " retries, alarm " + (await this.ctx.storage.getAlarm()));
	}
}
export default {
	async fetch(request, env) {
		const q = new URL(request.url).searchParams;
		await env.ROOM.getByName("one").wake(Number(q.get("ms")), q.get("fail") === "yes");
		return new Response("set");
	},
};`

func (r remote) deployAlarmed() (kv string) {
	r.t.Helper()
	kv = r.made("/storage/kv/namespaces", map[string]string{"title": "kv"}, "id")
	r.deploy("room", alarmed, `,"migrations":{"new_tag":"v1","new_sqlite_classes":["Room"]},"bindings":[
		{"name":"KV","type":"kv_namespace","namespace_id":"`+kv+`"},{"name":"ROOM","type":"durable_object_namespace","class_name":"Room"}]`)
	return kv
}

// woken waits for an alarm; no request goes to the Worker meanwhile.
func (r remote) woken(kv, want string) {
	r.t.Helper()
	path := "/client/v4/accounts/{a}/storage/kv/namespaces/" + kv + "/values/woken"
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if code, b := r.send("GET", path, "", nil); code == 200 {
			if string(b) != want {
				r.t.Errorf("the alarm says %q, want %q", b, want)
			}
			r.send("DELETE", path, "", nil)
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatal("the alarm did not go off")
		}
	}
}

func TestAlarmsGoOffWithoutARequest(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	r := remote{t, start(t, Options{Dir: t.TempDir()}).Info()}
	kv := r.deployAlarmed()
	r.get("room", "/?ms=100")
	r.woken(kv, "after 0 retries, alarm null")
	r.get("room", "/?ms=1&fail=yes")
	r.woken(kv, "after 1 retries, alarm null")
	// A new version stops the process and starts another.
	r.get("room", "/?ms=1500")
	r.deploy("room", alarmed+"// again", `,"bindings":[{"name":"KV","type":"kv_namespace","namespace_id":"`+kv+`"},{"name":"ROOM","type":"durable_object_namespace","class_name":"Room"}]`)
	r.woken(kv, "after 0 retries, alarm null")
}

func TestAlarmsSurviveARestart(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	dir := t.TempDir()
	info, _ := child(t, dir)
	r := remote{t, info}
	kv := r.deployAlarmed()
	r.get("room", "/?ms=700")
	_, err := Stop(t.Context(), dir)
	fatal(t, err)
	info, process := child(t, dir)
	r = remote{t, info}
	r.woken(kv, "after 0 retries, alarm null")
	r.get("room", "/?ms=700")
	fatal(t, process.Kill())
	_, err = process.Wait()
	fatal(t, err)
	info, _ = child(t, dir)
	r = remote{t, info}
	r.woken(kv, "after 0 retries, alarm null")
	_, err = Stop(t.Context(), dir)
	fatal(t, err)
}
