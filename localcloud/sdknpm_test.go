package localcloud

import (
	"net/http"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/openapitest"
)

// Cloudflare's SDK for TypeScript takes the cloud's address by CLOUDFLARE_BASE_URL, and
// nothing else is done for it.
func TestCloudflaresSDKForTypeScript(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	node, modules := npmtest.SDK(t)
	checker := openapitest.Load(t)
	c := start(t, Options{
		Dir:     t.TempDir(),
		wrapAPI: func(next http.Handler) http.Handler { return checker.ResponseMiddleware(t, next) },
	})
	info := c.Info()
	node.Env = append(node.Env, "CLOUDFLARE_BASE_URL="+info.API, "CLOUDFLARE_API_TOKEN="+info.APIToken)
	out, err := node.Command(t.Context(), "testdata/sdk", "use.mjs", modules, info.AccountID).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
