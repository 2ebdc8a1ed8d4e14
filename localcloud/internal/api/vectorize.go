package api

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/vectorize"
)

const (
	indexesPath = accountPath + "/vectorize/v2/indexes"
	indexPath   = indexesPath + "/{index_name}"
)

// maxVectors bounds the body of an insertion.
const maxVectors = 100 << 20

func vectorizeEndpoints() []Endpoint {
	read, write := []string{"Vectorize Read", "Vectorize Write"}, []string{"Vectorize Write"}
	return []Endpoint{
		{Method: "GET", Pattern: indexesPath, Permissions: read, handle: (*call).vectorIndexes},
		{Method: "POST", Pattern: indexesPath, Permissions: write, handle: (*call).addVectorIndex},
		{Method: "GET", Pattern: indexPath, Permissions: read, handle: (*call).vectorIndex},
		{Method: "DELETE", Pattern: indexPath, Permissions: write, handle: (*call).deleteVectorIndex},
		{Method: "GET", Pattern: indexPath + "/info", Permissions: read, handle: (*call).vectorInfo},
		{Method: "GET", Pattern: indexPath + "/list", Permissions: read, handle: (*call).listVectors},
		{Method: "POST", Pattern: indexPath + "/insert", Permissions: write, handle: (*call).insertVectors, body: maxVectors},
		{Method: "POST", Pattern: indexPath + "/upsert", Permissions: write, handle: (*call).upsertVectors, body: maxVectors},
		{Method: "POST", Pattern: indexPath + "/query", Permissions: read, handle: (*call).queryVectors},
		{Method: "POST", Pattern: indexPath + "/get_by_ids", Permissions: read, handle: (*call).getVectors},
		{Method: "POST", Pattern: indexPath + "/delete_by_ids", Permissions: write, handle: (*call).deleteVectors},
		{Method: "GET", Pattern: indexPath + "/metadata_index/list", Permissions: read, handle: (*call).metadataIndexes},
		{Method: "POST", Pattern: indexPath + "/metadata_index/create", Permissions: write, handle: (*call).addMetadataIndex},
		{Method: "POST", Pattern: indexPath + "/metadata_index/delete", Permissions: write, handle: (*call).deleteMetadataIndex},
	}
}

// presets are the dimensions of the models that Cloudflare knows by name; their
// metric is cosine.
var presets = map[string]int{
	"@cf/baai/bge-small-en-v1.5": 384, "@cf/baai/bge-base-en-v1.5": 768, "@cf/baai/bge-large-en-v1.5": 1024,
	"openai/text-embedding-ada-002": 1536, "cohere/embed-multilingual-v2.0": 768,
}

// vectorError says in the API's terms what Vectorize refuses.
func vectorError(err error) error {
	if refused := (*vectorize.Error)(nil); errors.As(err, &refused) {
		return refuse(refused.Status, refused.Code, "%s", refused.Message)
	}
	return err
}

func indexJSON(i vectorize.Index) map[string]any {
	return map[string]any{
		"name": i.Name, "description": i.Description, "created_on": stamp(i.CreatedOn), "modified_on": stamp(i.ModifiedOn),
		"config": map[string]any{"dimensions": i.Dimensions, "metric": i.Metric},
	}
}

func (c *call) vectorIndexes() (any, error) {
	listed := []map[string]any{}
	all, err := c.vectors.Indexes(c.ctx, c.account.ID)
	for _, i := range all {
		listed = append(listed, indexJSON(i))
	}
	return listed, err
}

func (c *call) addVectorIndex() (any, error) {
	var in struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Config      struct {
			Dimensions int    `json:"dimensions"`
			Metric     string `json:"metric"`
			Preset     string `json:"preset"`
		} `json:"config"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if preset := in.Config.Preset; preset != "" {
		in.Config.Metric, in.Config.Dimensions = vectorize.Cosine, presets[preset]
		if presets[preset] == 0 {
			return nil, refuse(http.StatusBadRequest, 3004, "There is no preset %q.", preset)
		}
	}
	i, err := c.vectors.Create(c.ctx, vectorize.Index{
		Account: c.account.ID, Name: in.Name, Description: in.Description, Dimensions: in.Config.Dimensions, Metric: in.Config.Metric,
	})
	if err != nil {
		return nil, vectorError(err)
	}
	return indexJSON(i), nil
}

func (c *call) vectorIndex() (any, error) {
	i, err := c.vectors.Index(c.ctx, c.account.ID, c.vars["index_name"])
	if err != nil {
		return nil, vectorError(err)
	}
	return indexJSON(i), nil
}

func (c *call) deleteVectorIndex() (any, error) {
	return nil, vectorError(c.vectors.Delete(c.ctx, c.account.ID, c.vars["index_name"]))
}

func (c *call) vectorInfo() (any, error) {
	info, err := c.vectors.Info(c.ctx, c.account.ID, c.vars["index_name"])
	return info, vectorError(err)
}

func (c *call) listVectors() (any, error) {
	count, err := number(c.query, "count", 100, 1, vectorize.MaxList)
	if err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(c.query.Get("cursor"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, 10004, "Parameter \"cursor\" is not one that a list answered.")
	}
	p, err := c.vectors.List(c.ctx, c.account.ID, c.vars["index_name"], string(after), count)
	if err != nil {
		return nil, vectorError(err)
	}
	vectors := []map[string]string{}
	for _, id := range p.IDs {
		vectors = append(vectors, map[string]string{"id": id})
	}
	m := map[string]any{
		"count": len(p.IDs), "totalCount": p.Total, "vectors": vectors,
		"isTruncated": p.Next != "", "nextCursor": nil, "cursorExpirationTimestamp": nil,
	}
	if p.Next != "" {
		m["nextCursor"], m["cursorExpirationTimestamp"] = base64.RawURLEncoding.EncodeToString([]byte(p.Next)), stamp(p.Expires)
	}
	return m, nil
}

// mutation is how a change of an index is answered.
func mutation(id string, err error) (any, error) {
	if err != nil {
		return nil, vectorError(err)
	}
	return map[string]string{"mutationId": id}, nil
}

func (c *call) insertVectors() (any, error) {
	vectors, err := c.readVectors()
	if err != nil {
		return nil, err
	}
	return mutation(c.vectors.Insert(c.ctx, c.account.ID, c.vars["index_name"], vectors))
}

func (c *call) upsertVectors() (any, error) {
	vectors, err := c.readVectors()
	if err != nil {
		return nil, err
	}
	return mutation(c.vectors.Upsert(c.ctx, c.account.ID, c.vars["index_name"], vectors))
}

// readVectors reads lines of JSON: the body, or a form's part named vectors.
func (c *call) readVectors() ([]vectorize.Vector, error) {
	var body io.Reader = c.req.Body
	if kind, params, err := mime.ParseMediaType(c.req.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			part, err := parts.NextPart()
			if err == io.EOF {
				return nil, refuse(http.StatusBadRequest, 10006, "The request has no part named vectors.")
			}
			if err != nil {
				return nil, bodyError(err)
			}
			if part.FormName() == "vectors" {
				body = part
				break
			}
		}
	}
	vectors, err := vectorize.Parse(body, c.query.Get("unparsable-behavior") == "discard")
	if refused := (*vectorize.Error)(nil); err != nil && !errors.As(err, &refused) {
		return nil, bodyError(err)
	}
	return vectors, vectorError(err)
}

func (c *call) queryVectors() (any, error) {
	var q vectorize.Query
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	found, err := c.vectors.Query(c.ctx, c.account.ID, c.vars["index_name"], q)
	return found, vectorError(err)
}

func (c *call) decodeIDs() ([]string, error) {
	var in struct {
		IDs []string `json:"ids"`
	}
	err := c.decode(&in)
	return in.IDs, err
}

func (c *call) getVectors() (any, error) {
	ids, err := c.decodeIDs()
	if err != nil {
		return nil, err
	}
	found, err := c.vectors.Get(c.ctx, c.account.ID, c.vars["index_name"], ids)
	return found, vectorError(err)
}

func (c *call) deleteVectors() (any, error) {
	ids, err := c.decodeIDs()
	if err != nil {
		return nil, err
	}
	return mutation(c.vectors.DeleteIDs(c.ctx, c.account.ID, c.vars["index_name"], ids))
}

// propertyInput is a metadata index as clients name it.
type propertyInput struct {
	Name string `json:"propertyName"`
	Type string `json:"indexType"`
}

func (c *call) metadataIndexes() (any, error) {
	i, err := c.vectors.Index(c.ctx, c.account.ID, c.vars["index_name"])
	if err != nil {
		return nil, vectorError(err)
	}
	listed := []propertyInput{}
	for _, p := range i.Properties {
		listed = append(listed, propertyInput{p.Name, p.Type})
	}
	return map[string]any{"metadataIndexes": listed}, nil
}

func (c *call) addMetadataIndex() (any, error) {
	var in propertyInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return mutation(c.vectors.AddProperty(c.ctx, c.account.ID, c.vars["index_name"], vectorize.Property{Name: in.Name, Type: in.Type}))
}

func (c *call) deleteMetadataIndex() (any, error) {
	var in propertyInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return mutation(c.vectors.RemoveProperty(c.ctx, c.account.ID, c.vars["index_name"], in.Name))
}
