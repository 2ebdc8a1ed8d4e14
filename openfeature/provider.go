// Package openfeature gives OpenFeature the flags of package feature: a program that
// speaks to OpenFeature's Go SDK evaluates what clodo.yaml declares, by the same rules
// as the services.
//
//	flags, err := feature.Open(feature.Options{})
//	…
//	err = sdk.SetProviderAndWait(openfeature.NewProvider(flags))
//	client := sdk.NewClient("shop")
//	on := client.Boolean(ctx, "premium", false, sdk.NewEvaluationContext("user-1", map[string]any{"domain": "shop.example.com"}))
//
// It is meant for programs outside Workers: the SDK makes a service's WebAssembly a
// megabyte larger.
package openfeature

import (
	"context"
	"fmt"
	"strconv"

	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/tamylaa/clodo/feature"
)

// Provider evaluates flags for OpenFeature. Its evaluation context is the context of
// package feature: the targeting key is the subject, "domain" and "customer" are what
// they say, and the others are attributes. Texts, true and false, and numbers are taken
// as attributes, written as texts; anything else is left out.
type Provider struct{ flags *feature.Flags }

var _ sdk.FeatureProvider = (*Provider)(nil)

// NewProvider makes a Provider of flags.
func NewProvider(flags *feature.Flags) *Provider { return &Provider{flags} }

// Metadata implements the SDK's FeatureProvider.
func (p *Provider) Metadata() sdk.Metadata { return sdk.Metadata{Name: "clodo"} }

// Hooks implements the SDK's FeatureProvider; there are none.
func (p *Provider) Hooks() []sdk.Hook { return nil }

// BooleanEvaluation implements the SDK's FeatureProvider.
func (p *Provider) BooleanEvaluation(ctx context.Context, flag string, fallback bool, in sdk.FlattenedContext) sdk.BoolResolutionDetail {
	v, d := resolve(p, ctx, flag, fallback, in, func(v any) (b, ok bool) { b, ok = v.(bool); return })
	return sdk.BoolResolutionDetail{Value: v, ProviderResolutionDetail: d}
}

// StringEvaluation implements the SDK's FeatureProvider, for strings and enums.
func (p *Provider) StringEvaluation(ctx context.Context, flag, fallback string, in sdk.FlattenedContext) sdk.StringResolutionDetail {
	v, d := resolve(p, ctx, flag, fallback, in, func(v any) (s string, ok bool) { s, ok = v.(string); return })
	return sdk.StringResolutionDetail{Value: v, ProviderResolutionDetail: d}
}

// FloatEvaluation implements the SDK's FeatureProvider, for numbers and integers.
func (p *Provider) FloatEvaluation(ctx context.Context, flag string, fallback float64, in sdk.FlattenedContext) sdk.FloatResolutionDetail {
	v, d := resolve(p, ctx, flag, fallback, in, func(v any) (float64, bool) {
		if n, ok := v.(int64); ok {
			return float64(n), true
		}
		n, ok := v.(float64)
		return n, ok
	})
	return sdk.FloatResolutionDetail{Value: v, ProviderResolutionDetail: d}
}

// IntEvaluation implements the SDK's FeatureProvider.
func (p *Provider) IntEvaluation(ctx context.Context, flag string, fallback int64, in sdk.FlattenedContext) sdk.IntResolutionDetail {
	v, d := resolve(p, ctx, flag, fallback, in, func(v any) (n int64, ok bool) { n, ok = v.(int64); return })
	return sdk.IntResolutionDetail{Value: v, ProviderResolutionDetail: d}
}

// ObjectEvaluation implements the SDK's FeatureProvider: it gives a flag of any type.
func (p *Provider) ObjectEvaluation(ctx context.Context, flag string, fallback any, in sdk.FlattenedContext) sdk.InterfaceResolutionDetail {
	v, d := resolve(p, ctx, flag, fallback, in, func(v any) (any, bool) { return v, true })
	return sdk.InterfaceResolutionDetail{Value: v, ProviderResolutionDetail: d}
}

func resolve[T any](p *Provider, ctx context.Context, flag string, fallback T, in sdk.FlattenedContext, as func(any) (T, bool)) (T, sdk.ProviderResolutionDetail) {
	found, ok := p.flags.Evaluate(ctx, contextOf(in)).Detail(flag)
	if !ok {
		return fallback, sdk.ProviderResolutionDetail{
			Reason: sdk.ErrorReason, ResolutionError: sdk.NewFlagNotFoundResolutionError(strconv.Quote(flag) + " is not declared in clodo.yaml"),
		}
	}
	v, ok := as(found.Value)
	if !ok {
		return fallback, sdk.ProviderResolutionDetail{
			Reason: sdk.ErrorReason, ResolutionError: sdk.NewTypeMismatchResolutionError(fmt.Sprintf("%q has values such as %v", flag, found.Value)),
		}
	}
	return v, sdk.ProviderResolutionDetail{Reason: reasonOf(found), FlagMetadata: sdk.FlagMetadata{"reason": string(found.Reason)}}
}

// reasonOf is a reason in OpenFeature's words; the exact one is in the metadata.
func reasonOf(d feature.Detail) sdk.Reason {
	switch {
	case d.Split:
		return sdk.SplitReason
	case d.Reason == feature.ReasonRule:
		return sdk.TargetingMatchReason
	case d.Reason == feature.ReasonDefault:
		return sdk.DefaultReason
	case d.Reason == feature.ReasonRequires, d.Reason == feature.ReasonConflicts:
		return sdk.DisabledReason
	}
	return sdk.StaticReason
}

func contextOf(in sdk.FlattenedContext) feature.Context {
	var c feature.Context
	for key, value := range in {
		text, ok := asText(value)
		if !ok {
			continue
		}
		switch key {
		case sdk.TargetingKey:
			c.Subject = text
		case "domain":
			c.Domain = text
		case "customer":
			c.Customer = text
		default:
			if c.Attributes == nil {
				c.Attributes = map[string]string{}
			}
			c.Attributes[key] = text
		}
	}
	return c
}

func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
